"""Who sends a signed request to OKX: HMAC-SHA256 in base64 over time, method, path and body; and who opens a socket."""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sandbox.binance.signing import Key, Keys
from sandbox.okx.contracts import OKX
from sandbox.okx.errors import Refused

WINDOW_MS = 30_000  # so far a signed time may be from the venue's
DIGITS_MAX = 15
SOCKET_PATH = "GET/users/self/verify"
HEADERS = (
    ("OK-ACCESS-KEY", "50103"),
    ("OK-ACCESS-PASSPHRASE", "50104"),
    ("OK-ACCESS-SIGN", "50106"),
    ("OK-ACCESS-TIMESTAMP", "50107"),
)


def signer(keys: Keys, headers: Mapping[str, str], sent: str, now_ms: int) -> Key:
    """Verify a signed request (`sent` is method, path with query, and body) and give its key. Raise Refused."""
    for name, code in HEADERS:
        if not headers.get(name):
            raise Refused(code, f'Request header "{name}" cannot be empty.')
    key = keys.find(headers["OK-ACCESS-KEY"], OKX)
    if key is None:
        raise Refused("50111", "Invalid OK-ACCESS-KEY.")
    stamp = headers["OK-ACCESS-TIMESTAMP"]
    if abs(now_ms - _milliseconds(stamp)) > WINDOW_MS:
        raise Refused("50102", "Timestamp request expired.")
    if not _same(key.passphrase, headers["OK-ACCESS-PASSPHRASE"]):
        raise Refused("50105", 'Request header "OK-ACCESS-PASSPHRASE" incorrect.')
    if not _same(signature_of(key.secret, f"{stamp}{sent}"), headers["OK-ACCESS-SIGN"]):
        raise Refused("50113", "Invalid signature.")
    return key


def require_unexpired(headers: Mapping[str, str], now_ms: int) -> None:
    """Refuse a request to trade that comes after the time until which its sender wants it. Raise Refused."""
    told = headers.get("expTime", "")
    if not told:
        return
    if not told.isdecimal() or len(told) > DIGITS_MAX:
        raise Refused("51000", "Parameter expTime error")
    if int(told) < now_ms:
        said = "The expTime can't be earlier than the current system time. Please adjust the expTime and try again."
        raise Refused("50036", said)


def listener(keys: Keys, arguments: Any, now_ms: int) -> Key | Refused:
    """Verify the arguments of `op: login` (time in seconds) and give the key, or what the socket is refused with."""
    match arguments:
        case [{"apiKey": str(api_key), "passphrase": str(passphrase), "timestamp": stamp, "sign": str(given)}]:
            key, text = keys.find(api_key, OKX), str(stamp)
        case _:
            return Refused("60024", "Wrong passphrase")
    if key is None:
        return Refused("60005", "Invalid apiKey")
    whole = text.partition(".")[0]
    if not whole.isdecimal() or len(whole) > DIGITS_MAX:
        return Refused("60004", "Invalid timestamp")
    if abs(now_ms - int(whole) * 1000) > WINDOW_MS:
        return Refused("60006", "Timestamp request expired")
    if not _same(key.passphrase, passphrase):
        return Refused("60024", "Wrong passphrase")
    if not _same(signature_of(key.secret, f"{text}{SOCKET_PATH}"), given):
        return Refused("60007", "Invalid sign")
    return key


def signature_of(secret: str, text: str) -> str:
    """Sign a text."""
    return b64encode(hmac.new(secret.encode(), text.encode("utf-8", "replace"), sha256).digest()).decode()


def _same(wanted: str, given: str) -> bool:
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace"))


def _milliseconds(stamp: str) -> int:
    try:
        found = datetime.fromisoformat(stamp)
    except ValueError:
        raise Refused("50112", "Invalid OK-ACCESS-TIMESTAMP.") from None
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
