"""Who sends a signed request to Deribit: HMAC-SHA256 over time, nonce and what is asked; and who opens a socket."""

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from sandbox.binance.signing import Key, Keys
from sandbox.deribit.contracts import DERIBIT
from sandbox.deribit.refusals import INVALID_CREDENTIALS, UNAUTHORIZED, Refused, invalid

SCHEME = "deri-hmac-sha256"
FIELD = re.compile(r"\s*(id|ts|sig|nonce)=([^,\s]{1,200})\s*")
FIELDS = 4


def signer(keys: Keys, header: str, method: str, path: str) -> Key:
    """Verify a signed request (`path` is as it was sent, with its query) and give its key. Raise Refused.

    The venue publishes no limit to a signature's age: none is refused for it, so that nobody may rely on one.
    """
    if not header:
        raise unauthorized("missing_authorization_header")
    scheme, _, told = header.partition(" ")
    found = [FIELD.fullmatch(part) for part in told.split(",")]
    fields = {match[1]: match[2] for match in found if match}
    if scheme != SCHEME or len(found) != FIELDS or len(fields) != FIELDS or not fields["ts"].isdecimal():
        raise unauthorized("bad_authorization_header")
    return _proven(keys, fields["id"], fields["sig"], f"{fields['ts']}\n{fields['nonce']}\n{method}\n{path}\n\n")


def listener(keys: Keys, params: Mapping[str, Any]) -> Key:
    """Verify the parameters of public/auth and give the key that opens a socket. Raise Refused."""
    id_ = str(params.get("client_id", ""))
    match params.get("grant_type"):
        case "client_signature":
            told = [str(params.get(name, "")) for name in ("timestamp", "nonce", "data")]
            return _proven(keys, id_, str(params.get("signature", "")), "\n".join(told))
        case "client_credentials":
            key = keys.find(id_, DERIBIT)
            if key is None or not _same(key.secret, str(params.get("client_secret", ""))):
                raise Refused(INVALID_CREDENTIALS, "invalid_credentials")
            return key
    raise invalid("grant_type", "value not supported")


def unauthorized(reason: str) -> Refused:
    """Refuse who did not say who it is."""
    return Refused(UNAUTHORIZED, "unauthorized", reason=reason)


def signature_of(secret: str, text: str) -> str:
    """Sign a text."""
    return hmac.new(secret.encode(), text.encode("utf-8", "replace"), sha256).hexdigest()


def _proven(keys: Keys, api_key: str, given: str, text: str) -> Key:
    key = keys.find(api_key, DERIBIT)
    if key is None or not _same(signature_of(key.secret, text), given.lower()):
        raise Refused(INVALID_CREDENTIALS, "invalid_credentials")
    return key


def _same(wanted: str, given: str) -> bool:
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace"))
