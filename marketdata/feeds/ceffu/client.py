"""Ceffu: what the custodian's wallets hold, read by signed requests."""

import asyncio
import base64
import random
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlencode

import aiohttp
import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from yarl import URL

from hedgeapp.core.records import record

ROOT: Final = "/open-api"
SUCCESS: Final = "000000"
ADVICE: Final[Mapping[str, str]] = {
    "G20006": "compare this machine's clock with the custodian's",
    "G20007": "compare this machine's clock with the custodian's",
    "G20008": "store the custodian's API key and secret",
    "G20009": "store the private key that belongs to this API key",
    "G20010": "store an API key that the custodian knows",
    "G20011": "let the custodian allow this machine's IP address",
    "G20012": "poll less often",
    "G20013": "give the API key the right to enquire about this wallet",
    "G20016": "give the API key the right to enquire",
}

T = TypeVar("T")
Row = TypeVar("Row", bound=msgspec.Struct)


@record
class Settings:
    """Bounds of the client and of the feed, each with its unit."""

    poll_s: float = 5.0
    request_timeout_s: float = 5.0
    attempts_max: int = 3  # of one request, after network faults only
    backoff_s: float = 0.5  # pause before the second attempt; doubles, with jitter
    backoff_s_max: float = 8.0
    page_limit: int = 500
    pages_max: int = 20
    body_bytes_max: int = 4_000_000


class SecretIsMalformed(ValueError):
    """The stored secret is no RSA private key."""

    def __init__(self, custodian: str) -> None:
        super().__init__(f"{custodian}: an RSA private key as base64 PKCS#8 DER expected as secret: store it again")


class CustodianUnreachable(ConnectionError):
    """No answer came, after all attempts."""


class CustodianRefused(RuntimeError):
    """The custodian answered with an error code."""

    def __init__(self, path: str, status: int, code: str, message: str) -> None:
        self.status, self.code = status, code
        advice = f": {ADVICE[code]}" if code in ADVICE else ""
        super().__init__(f"{path} refused with {code} (HTTP {status}), {message!r}{advice}")


class AnswerIsMalformed(ValueError):
    """The custodian's answer is not of the published shape."""


class WalletRow(msgspec.Struct):
    """A row of the wallet list; the id as a string, for its 18 digits do not survive as a number everywhere."""

    walletIdStr: str
    walletName: str | None = None
    walletType: int = 0


class AssetRow(msgspec.Struct):
    """A row of a wallet's assets; `network` is null for Prime wallets."""

    coinSymbol: str
    amount: Decimal
    availableAmount: Decimal
    totalAmountWithMirror: Decimal | None = None
    network: str | None = None


class _Page(msgspec.Struct, Generic[T]):
    data: list[T]
    totalPage: int
    pageNo: int


class _Envelope(msgspec.Struct):
    code: str
    message: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


@record
class Holding:
    """What a wallet holds of one coin, in the custodian's spelling: all of it, and the part that cannot leave now."""

    coin: str
    total: Decimal
    locked: Decimal


class CeffuClient:
    """Reads from Ceffu: signs, bounds, retries after network faults, and names each refusal."""

    def __init__(
        self,
        name: str,
        url: str,
        api_key: str,
        secret: str,
        settings: Settings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._name, self._url, self._api_key = name, url.rstrip("/"), api_key
        self._settings, self._clock = settings, clock
        self._key = _private_key(name, secret)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "CeffuClient":
        timeout = aiohttp.ClientTimeout(total=self._settings.request_timeout_s)
        self._session = aiohttp.ClientSession(timeout=timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    async def wallets(self) -> list[WalletRow]:
        """Return the institution's parent wallets."""
        return await self._all_pages("/v1/wallet/list", WalletRow)

    async def holdings(self, wallet: str) -> list[Holding]:
        """Return what a wallet holds, by coin.

        A delegated (mirrored) balance is still the custodian's: it is in the total, and locked.
        """
        totals: dict[str, tuple[Decimal, Decimal]] = {}
        for row in await self._all_pages("/v1/wallet/asset/list", AssetRow, walletId=wallet):
            total = row.amount if row.totalAmountWithMirror is None else row.totalAmountWithMirror
            if not (total.is_finite() and row.availableAmount.is_finite() and 0 <= row.availableAmount <= total):
                raise AnswerIsMalformed(
                    f"{self._name}: 0 ≤ available ≤ total expected of {row.coinSymbol} in wallet {wallet}, "
                    f"found available {row.availableAmount} and total {total}"
                )
            before, locked = totals.get(row.coinSymbol, (Decimal(0), Decimal(0)))
            totals[row.coinSymbol] = (before + total, locked + total - row.availableAmount)
        return [Holding(coin=coin, total=total, locked=locked) for coin, (total, locked) in totals.items()]

    async def _all_pages(self, path: str, kind: type[Row], **parameters: str) -> list[Row]:
        rows: list[Row] = []
        for number in range(1, self._settings.pages_max + 1):
            paging = {"pageLimit": str(self._settings.page_limit), "pageNo": str(number)}
            page = await self._get(path, _Page[kind], {**parameters, **paging})  # type: ignore[valid-type]
            rows += page.data
            if page.pageNo >= page.totalPage:
                return rows
        raise AnswerIsMalformed(f"{self._name}: at most {self._settings.pages_max} pages of {path} expected")

    async def _get(self, path: str, kind: type[T], parameters: Mapping[str, str]) -> T:
        status, body = await self._answer(path, parameters)
        try:
            envelope = msgspec.json.decode(body, type=_Envelope)
            if envelope.code == SUCCESS:
                return msgspec.json.decode(envelope.data, type=kind)
        except msgspec.MsgspecError as error:
            raise AnswerIsMalformed(
                f"{self._name}: the published shape of {path} expected, found HTTP {status} with {body[:80]!r} "
                f"({error}): check the custodian's URL"
            ) from error
        raise CustodianRefused(path, status, envelope.code, envelope.message)

    async def _answer(self, path: str, parameters: Mapping[str, str]) -> tuple[int, bytes]:
        pause_s = self._settings.backoff_s
        for attempt in range(1, self._settings.attempts_max + 1):
            try:
                return await self._attempt(path, parameters)
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
                if attempt == self._settings.attempts_max:
                    reason = str(error) or type(error).__name__
                    raise CustodianUnreachable(
                        f"{self._name}: no answer from {self._url} after {attempt} attempts ({reason}): "
                        "check the custodian's URL and the network"
                    ) from error
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))
            pause_s = min(2 * pause_s, self._settings.backoff_s_max)
        raise AssertionError("attempts_max is at least 1")

    async def _attempt(self, path: str, parameters: Mapping[str, str]) -> tuple[int, bytes]:
        """Send one request; its signature covers the raw query string, so the URL must not be encoded again."""
        assert self._session is not None
        query = urlencode({**parameters, "timestamp": str(int(self._clock() * 1000))})
        signature = self._key.sign(query.encode(), padding.PKCS1v15(), hashes.SHA512())
        headers = {"open-apikey": self._api_key, "signature": base64.b64encode(signature).decode()}
        url = URL(f"{self._url}{ROOT}{path}?{query}", encoded=True)
        async with self._session.get(url, headers=headers, allow_redirects=False) as answer:
            body = await answer.content.read(self._settings.body_bytes_max + 1)
            while not answer.content.at_eof() and len(body) <= self._settings.body_bytes_max:
                body += await answer.content.read(self._settings.body_bytes_max + 1 - len(body))
        if len(body) > self._settings.body_bytes_max:
            raise AnswerIsMalformed(f"{self._name}: at most {self._settings.body_bytes_max} bytes of {path} expected")
        return answer.status, body


def _private_key(name: str, secret: str) -> rsa.RSAPrivateKey:
    try:
        key: Any = serialization.load_der_private_key(base64.b64decode(secret, validate=True), password=None)
    except (ValueError, TypeError) as error:
        raise SecretIsMalformed(name) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SecretIsMalformed(name)
    return key
