"""Who sends a signed request to Bybit: HMAC-SHA256 over time, key, window and what is sent; and who opens a socket."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from sandbox.binance.signing import Key, Keys
from sandbox.bybit import errors
from sandbox.bybit.contracts import BYBIT

AHEAD_MS_MAX = 1_000
WINDOW_MS = 5_000
WINDOW_MS_MAX = 60_000
DIGITS_MAX = 15
SOCKET_PATH = "GET/realtime"


def signer(keys: Keys, headers: Mapping[str, str], sent: str, now_ms: int) -> Key:
    """Verify a signed request (`sent` is its raw query or body) and give its key. Raise Refused."""
    stamp, window = headers.get("X-BAPI-TIMESTAMP", ""), headers.get("X-BAPI-RECV-WINDOW", str(WINDOW_MS))
    key = keys.find(headers.get("X-BAPI-API-KEY", ""), BYBIT)
    if key is None:
        raise errors.key_is_invalid()
    sent_ms, window_ms = _whole(stamp, "timestamp"), _whole(window, "recv_window")
    if not 0 < window_ms <= WINDOW_MS_MAX:
        raise errors.ParameterRefused("params error: recv_window is invalid")
    if not now_ms - window_ms <= sent_ms < now_ms + AHEAD_MS_MAX:
        raise errors.outside_of_window(sent_ms, now_ms, window_ms)
    wanted = signature_of(key.secret, f"{stamp}{key.api_key}{window}{sent}")
    if not _same(wanted, headers.get("X-BAPI-SIGN", "")):
        raise errors.signature_is_wrong()
    return key


def listener(keys: Keys, arguments: Any, now_ms: int) -> str | None:
    """Verify the arguments of `op: auth` (key, when it expires, signature) and give the account, None if refused."""
    match arguments:
        case [str(api_key), (str() | int()) as expires, str(given)]:
            key, text = keys.find(api_key, BYBIT), str(expires)
        case _:
            return None
    if key is None or not text.isdecimal() or len(text) > DIGITS_MAX or int(text) <= now_ms:
        return None
    return key.account if _same(signature_of(key.secret, f"{SOCKET_PATH}{text}"), given) else None


def signature_of(secret: str, text: str) -> str:
    """Sign a text."""
    return hmac.new(secret.encode(), text.encode("utf-8", "replace"), sha256).hexdigest()


def _same(wanted: str, given: str) -> bool:
    return hmac.compare_digest(wanted.encode(), given.lower().encode("utf-8", "replace"))


def _whole(text: str, name: str) -> int:
    if not text.isdecimal() or len(text) > DIGITS_MAX:
        raise errors.ParameterRefused(f"params error: {name} is invalid")
    return int(text)
