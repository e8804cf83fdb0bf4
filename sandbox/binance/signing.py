"""Who sends a signed request: API key, HMAC-SHA256 over the raw query and body, timestamp in its window."""

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qsl

from sandbox.binance import errors

RECEIVE_WINDOW_MS = 5_000
RECEIVE_WINDOW_MS_MAX = 60_000
AHEAD_MS_MAX = 1_000
SIGNATURE = re.compile(r"(?:^|&)signature=([^&]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key of one account."""

    account: str
    venue: str
    api_key: str
    secret: str
    passphrase: str = ""  # of venues whose keys have one


class Keys:
    """Every API key of the sandbox."""

    def __init__(self, keys: list[Key]) -> None:
        self._keys = {each.api_key: each for each in keys}

    def holder(self, api_key: str | None, venue: str | None) -> Key:
        """Find the key of a request to a venue (None: to any). Raise RequestRefused."""
        if not api_key:
            raise errors.key_is_malformed()
        key = self._keys.get(api_key)
        if key is None or (venue is not None and key.venue != venue):
            raise errors.key_is_unknown()
        return key

    def find(self, api_key: str, venue: str) -> Key | None:
        """Find a venue's key, None when it has no such."""
        key = self._keys.get(api_key)
        return key if key is not None and key.venue == venue else None

    def account_of(self, api_key: str | None) -> str:
        """Give the account that a key claims, empty for an unknown one."""
        key = self._keys.get(api_key or "")
        return key.account if key else ""

    def signer(
        self, api_key: str | None, venue: str | None, query: str, body: str, now_ms: int
    ) -> tuple[Key, dict[str, str]]:
        """Verify a signed request and give its key and parameters. Raise RequestRefused."""
        key = self.holder(api_key, venue)
        parameters = parameters_of(query, body)
        given = parameters.pop("signature", "")
        if not given:
            raise errors.missing("signature")
        _check_time(parameters, now_ms)
        wanted = signature_of(key.secret, query, body).encode()
        if not hmac.compare_digest(wanted, given.lower().encode("utf-8", "replace")):
            raise errors.signature_is_wrong()
        return key, parameters


def parameters_of(query: str, body: str) -> dict[str, str]:
    """Read the parameters of a query and a form body; the query wins."""
    return dict(parse_qsl(body, keep_blank_values=True)) | dict(parse_qsl(query, keep_blank_values=True))


def signature_of(secret: str, query: str, body: str) -> str:
    """Sign the query joined with the body, both exactly as sent but without the signature itself."""
    payload = SIGNATURE.sub("", query) + SIGNATURE.sub("", body)
    return hmac.new(secret.encode(), payload.encode("utf-8", "replace"), sha256).hexdigest()


def _check_time(parameters: dict[str, str], now_ms: int) -> None:
    try:
        sent_ms = int(parameters.get("timestamp", ""))
        window_ms = int(parameters.get("recvWindow", RECEIVE_WINDOW_MS))
    except ValueError as problem:
        raise errors.missing("timestamp") from problem
    if not 0 < window_ms <= RECEIVE_WINDOW_MS_MAX:
        raise errors.RequestRefused(400, -1131, "recvWindow must be less than 60000")
    if sent_ms > now_ms + AHEAD_MS_MAX:
        raise errors.clock_is_early()
    if sent_ms < now_ms - window_ms:
        raise errors.clock_is_late()
