"""Credentials: keys of accounts and custodians, encrypted by keys that the database does not have."""

import hashlib
from datetime import datetime
from typing import Literal

from cryptography.fernet import InvalidToken
from django.db import transaction

from hedgeapp.access.models import TotpSecret
from hedgeapp.field_keys import FieldKeyIsMalformed as FieldKeyIsMalformed
from hedgeapp.field_keys import FieldKeysMissing as FieldKeysMissing
from hedgeapp.field_keys import field_keys
from marketdata import models

KEY_BYTES_MAX = 16_384
PASSPHRASE_BYTES_MAX = 256
# Between a secret and the passphrase that some venues' keys have: both are sealed as one (docs/decisions/0110).
SEPARATOR = "\x00"

Purpose = Literal["read", "trade"]


class FieldKeysDoNotDecrypt(RuntimeError):
    """A credential was encrypted by a key that is not among HEDGEAPP_FIELD_KEYS."""

    def __init__(self, holder: str) -> None:
        super().__init__(
            f"the keys of {holder} expected to be encrypted by one of HEDGEAPP_FIELD_KEYS, found another key's work: "
            "add the key that was used at the end of HEDGEAPP_FIELD_KEYS, or set the credential of "
            f"{holder} again"
        )


class HolderIsUnknown(ValueError):
    """Keys were given for what is no account, custodian or oracle."""

    def __init__(self, holder: str) -> None:
        super().__init__(
            f"an account, a custodian or an oracle expected, found {holder!r}: add it first, or correct the name"
        )


class KeyIsEmpty(ValueError):
    """An API key or a secret is empty or too long, a passphrase too long, or one has a NUL."""

    def __init__(self, holder: str) -> None:
        super().__init__(
            f"an API key and a secret of {holder} expected, 1 to {KEY_BYTES_MAX} bytes each, and a passphrase of at "
            f"most {PASSPHRASE_BYTES_MAX}, all without NUL: found one that is not"
        )


def decrypted(row: models.Credential) -> tuple[str, str, str]:
    """Return API key, secret and passphrase (empty where there is none) of a row; raise FieldKeysDoNotDecrypt."""
    fernet = field_keys()
    try:
        api_key = fernet.decrypt(bytes(row.api_key_ciphertext)).decode()
        secret, _, passphrase = fernet.decrypt(bytes(row.secret_ciphertext)).decode().partition(SEPARATOR)
    except InvalidToken:
        raise FieldKeysDoNotDecrypt(row.holder) from None
    return api_key, secret, passphrase


def sealed(secret: str, passphrase: str) -> bytes:
    """Return a secret and its passphrase encrypted together; raise FieldKeysMissing or FieldKeyIsMalformed."""
    return field_keys().encrypt((secret + SEPARATOR + passphrase if passphrase else secret).encode())


def require_keys(holder: str, purpose: Purpose, api_key: str, secret: str, passphrase: str = "") -> bool:
    """Return whether keys differ from those that are used; refuse with HolderIsUnknown, KeyIsEmpty."""
    is_bounded = all(0 < len(text.encode()) <= KEY_BYTES_MAX for text in (api_key, secret))
    if not is_bounded or len(passphrase.encode()) > PASSPHRASE_BYTES_MAX or SEPARATOR in secret + passphrase:
        raise KeyIsEmpty(holder)
    known = (models.Account, models.Custodian, models.Oracle)
    if not any(model._base_manager.filter(pk=holder).exists() for model in known):
        raise HolderIsUnknown(holder)
    kept = models.Credential.objects.select_for_update().filter(holder=holder, purpose=purpose).first()
    return kept is None or not _says(kept, api_key, secret, passphrase)


def set_credential(
    holder: str,
    *,
    api_key: str,
    secret: str,
    by: str,
    at: datetime,
    purpose: Purpose = "read",
    passphrase: str = "",
) -> bool:
    """Keep keys of an account or custodian, encrypted; return whether they differ from those kept before.

    It is the console's way; people at a page go by `operations.sources`.
    """
    fernet = field_keys()
    with transaction.atomic(durable=True):
        if not require_keys(holder, purpose, api_key, secret, passphrase):
            return False
        models.Credential.objects.update_or_create(
            holder=holder,
            purpose=purpose,
            defaults={
                "api_key_ciphertext": fernet.encrypt(api_key.encode()),
                "secret_ciphertext": sealed(secret, passphrase),
                "fingerprint": hashlib.sha256(api_key.encode()).hexdigest()[:12],
                "set_by": by,
                "set_at": at,
            },
        )
    return True


def rotate_keys() -> int:
    """Encrypt every credential and every secret of codes again by the first of the field keys, all or none.

    Return how many there are.
    """
    fernet = field_keys()
    with transaction.atomic(durable=True):
        rows = list(models.Credential.objects.select_for_update().order_by("holder", "purpose"))
        for row in rows:
            try:
                row.api_key_ciphertext = fernet.rotate(bytes(row.api_key_ciphertext))
                row.secret_ciphertext = fernet.rotate(bytes(row.secret_ciphertext))
            except InvalidToken:
                raise FieldKeysDoNotDecrypt(row.holder) from None
            row.save(update_fields=["api_key_ciphertext", "secret_ciphertext"])
        secrets = list(
            TotpSecret.objects.select_for_update(of=("self",)).select_related("user").filter(revoked_at=None)
        )
        for secret in secrets:
            try:
                secret.secret_ciphertext = fernet.rotate(bytes(secret.secret_ciphertext))
            except InvalidToken:
                raise FieldKeysDoNotDecrypt(f"the codes of {secret.user.get_username()}") from None
            secret.save(update_fields=["secret_ciphertext"])
    return len(rows) + len(secrets)


def _says(kept: models.Credential, *keys: str) -> bool:
    try:
        return decrypted(kept) == keys
    except FieldKeysDoNotDecrypt:
        return False
