"""A phone with an app that shows codes of six digits."""

import base64
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.contrib.auth.models import User

from hedgeapp.access.codes import confirm_codes, confirmation_hash, new_secret
from tests.builders.keyholders import now
from tests.builders.passkeys import Device


class Phone:
    """An app that shows codes, set up by the URI."""

    def __init__(self, uri: str) -> None:
        self.secret = base64.b32decode(parse_qs(urlsplit(uri).query)["secret"][0])

    def code(self, at: datetime) -> str:
        """Return what it shows at a time."""
        return TOTP(self.secret, 6, SHA1(), 30).generate(int(at.timestamp())).decode()


def phone_of(user: User, *, by: tuple[User, Device]) -> Phone:
    """Return a person's phone whose codes another person confirmed."""
    row, uri = new_secret(user, at=now())
    confirm_codes(row.pk, by=by[0], assertion=by[1].assertion(confirmation_hash(row)), at=now())
    return Phone(uri)
