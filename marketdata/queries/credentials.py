"""The keys of one account or custodian, for the process that speaks to it."""

from hedgeapp.core.records import record
from marketdata import models
from marketdata.operations.credentials import Purpose, decrypted


class CredentialMissing(LookupError):
    """An account or custodian has no keys for a purpose."""

    def __init__(self, holder: str, purpose: Purpose) -> None:
        super().__init__(
            f"keys of {holder} to {purpose} with expected under Credentials, found none: set them in the admin"
        )


@record
class Keys:
    """An API key, its secret, and its passphrase where the venue has one; printing them shows none."""

    api_key: str
    secret: str
    passphrase: str = ""

    def __repr__(self) -> str:
        return "Keys(…)"


def keys_of(holder: str, purpose: Purpose = "read") -> Keys:
    """Return the keys of an account or custodian for a purpose; one never stands in for the other.

    Raises CredentialMissing or FieldKeysDoNotDecrypt.
    """
    row = models.Credential.objects.filter(holder=holder, purpose=purpose).first()
    if row is None:
        raise CredentialMissing(holder, purpose)
    api_key, secret, passphrase = decrypted(row)
    return Keys(api_key=api_key, secret=secret, passphrase=passphrase)


def versions_of(purpose: Purpose) -> dict[str, str]:
    """Return what tells each holder's keys for a purpose from those that it had before, without decrypting them."""
    rows = models.Credential.objects.filter(purpose=purpose).values_list("holder", "fingerprint", "set_at")
    return {holder: f"{fingerprint}@{set_at.isoformat()}" for holder, fingerprint, set_at in rows}
