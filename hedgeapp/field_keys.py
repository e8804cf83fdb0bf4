"""Field keys: what secrets in the database are encrypted by, which the database does not have."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


class FieldKeysMissing(RuntimeError):
    """There is no key to encrypt API keys with."""

    def __init__(self) -> None:
        super().__init__("HEDGEAPP_FIELD_KEYS: one Fernet key or more expected, found none: set it and start again")


class FieldKeyIsMalformed(RuntimeError):
    """A key of HEDGEAPP_FIELD_KEYS is no Fernet key."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"HEDGEAPP_FIELD_KEYS: Fernet keys expected (32 bytes in URL-safe base64), found something else as key "
            f"number {number}: correct it and start again"
        )


def field_keys(keys: Sequence[str] | None = None) -> MultiFernet:
    """Return the keys of the environment: the first encrypts, all decrypt."""
    found = settings.ENVIRONMENT.hedgeapp_field_keys if keys is None else keys
    if not found:
        raise FieldKeysMissing
    fernets = []
    for number, key in enumerate(found, 1):
        try:
            fernets.append(Fernet(key))
        except ValueError:
            raise FieldKeyIsMalformed(number) from None
    return MultiFernet(fernets)
