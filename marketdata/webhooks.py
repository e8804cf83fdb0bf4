"""Webhooks: who may tell us something from outside: signed by the custodian's own key, small, fresh, not too often."""

import base64
import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.conf import settings

from marketdata.core.notices import CLOCKS_APART_MAX, TOLD, Notice

BODY_BYTES_MAX: Final = 16_384
AGE_MAX: Final = timedelta(days=29)  # what is older can be compared with no list
REQUESTS_PER_S: Final = 10.0
BURST: Final = 50.0  # requests at once
TEXT_LENGTH_MAX: Final = 64  # of an order id or a coin


class KeyIsMissing(LookupError):
    """There is no key by which a custodian's webhooks could be told from anybody's."""

    def __init__(self, custodian: str, file: Path) -> None:
        super().__init__(f"the public RSA key of {custodian} as PEM in {file.name} expected, found none: put it there")


class SignatureIsWrong(ValueError):
    """A webhook is not signed by the custodian's key."""


class NoticeIsMalformed(ValueError):
    """A webhook is signed, and not of the form that is agreed on."""


class NoticeIsTooOld(ValueError):
    """A webhook tells of a time that no list reaches."""


class _Order(msgspec.Struct):
    orderViewId: str
    coinSymbol: str
    amount: Decimal


class _Body(msgspec.Struct):
    eventType: int
    eventTime: int  # ms
    data: _Order


class Rate:
    """So many requests a second and so many at once, in this process; more are refused."""

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._left, self._at = burst, clock()

    def takes(self) -> bool:
        """Take one request, unless there are too many."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def notice_of(custodian: str, signature: str, body: bytes, at: datetime) -> Notice:
    """Return what a webhook tells; refuse with one of this module's exceptions."""
    _verify(_public_key(custodian), signature, body)
    try:
        told = msgspec.json.decode(body, type=_Body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NoticeIsMalformed(f"eventType, eventTime and data of an order expected: {error}") from error
    order = told.data
    texts = (order.orderViewId, order.coinSymbol)
    if told.eventType not in TOLD or not order.amount.is_finite() or order.amount < 0:
        raise NoticeIsMalformed("an eventType from 1 to 4 and an amount of 0 or more expected, found something else")
    if not all(0 < len(text) <= TEXT_LENGTH_MAX and text.isascii() and text.isprintable() for text in texts):
        raise NoticeIsMalformed(f"an order id and a coin of 1 to {TEXT_LENGTH_MAX} characters expected")
    told_at = _moment(told.eventTime)
    if not at - AGE_MAX <= told_at <= at + CLOCKS_APART_MAX:
        raise NoticeIsTooOld(f"a notice of the last {AGE_MAX.days} days expected, found one of {told_at:%Y-%m-%d}")
    return Notice(
        digest=hashlib.sha256(body).hexdigest(),
        event_type=told.eventType,
        order_id=order.orderViewId,
        coin=order.coinSymbol,
        amount=order.amount,
        at=told_at,
        received_at=at,
    )


def has_key(custodian: str) -> bool:
    """Tell whether a custodian's webhooks are taken at all."""
    return _file(custodian).exists()


def _file(custodian: str) -> Path:
    return Path(settings.WEBHOOK_KEYS) / f"{custodian}.webhook.pem"


def _public_key(custodian: str) -> rsa.RSAPublicKey:
    file = _file(custodian)
    try:
        return _read(file, file.stat().st_mtime_ns)
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise KeyIsMissing(custodian, file) from error


@lru_cache(maxsize=16)
def _read(file: Path, changed_ns: int) -> rsa.RSAPublicKey:
    key = serialization.load_pem_public_key(file.read_bytes())
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("an RSA key expected")
    return key


def _verify(key: rsa.RSAPublicKey, signature: str, body: bytes) -> None:
    try:
        key.verify(base64.b64decode(signature, validate=True), body, padding.PKCS1v15(), hashes.SHA512())
    except (InvalidSignature, ValueError) as error:
        raise SignatureIsWrong("a signature of the custodian over the body expected, found another one") from error


def _moment(ms: int) -> datetime:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise NoticeIsMalformed(f"an eventTime in ms expected, found {ms}") from error
