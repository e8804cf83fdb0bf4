"""Wire: signed requests to Ceffu, each one attempt within its time and bounds, and what its envelope says.

A GET is signed over its raw query, a POST over its raw body; both carry their time, after which the custodian refuses
them.
"""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
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
BODY_BYTES_MAX: Final = 4_000_000  # of an answer
AWAY_FROM: Final = 500  # HTTP statuses from here on are of who cannot answer
ADVICE: Final[Mapping[str, str]] = {
    "G20006": "compare this machine's clock with the custodian's",
    "G20007": "compare this machine's clock with the custodian's",
    "G20008": "store the custodian's API key and secret",
    "G20009": "store the private key that belongs to this API key",
    "G20010": "store an API key that the custodian knows",
    "G20011": "let the custodian allow this machine's IP address",
    "G20012": "ask less often",
    "G20013": "give the API key the right to this wallet",
    "G20016": "give the API key the right to this",
}
NETWORK_FAULTS: Final = (aiohttp.ClientError, OSError)  # a timeout is an OSError

T = TypeVar("T")


class SecretIsMalformed(ValueError):
    """The stored secret is no RSA private key."""

    def __init__(self, custodian: str) -> None:
        super().__init__(f"{custodian}: an RSA private key as base64 PKCS#8 DER expected as secret: store it again")


class CustodianRefused(RuntimeError):
    """The custodian answered with an error code."""

    def __init__(self, path: str, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        advice = f": {ADVICE[code]}" if code in ADVICE else ""
        super().__init__(f"{path} refused with {code} (HTTP {status}), {message!r}{advice}")


class AnswerIsMalformed(ValueError):
    """The custodian's answer is not of the published shape; `raw` is what it sent, where that is at hand."""

    def __init__(self, said: str, raw: bytes = b"") -> None:
        self.raw = raw
        super().__init__(said)


class ProxyAnswered(AnswerIsMalformed):
    """Something in front of the custodian answered that it is away, in words of its own."""


class Page(msgspec.Struct, Generic[T]):
    """One page of a list."""

    data: list[T]
    totalPage: int
    pageNo: int


class _Envelope(msgspec.Struct):
    code: str
    message: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


@record
class Reply:
    """What came back, be it a refusal: HTTP status and the body as it is."""

    status: int
    body: bytes


class Wire:
    """One custodian's door for one key; to be closed.

    Every request raises what `NETWORK_FAULTS` lists when there was no whole answer within its time, and
    AnswerIsMalformed when it is too long. Raises SecretIsMalformed when made.
    """

    def __init__(self, name: str, url: str, api_key: str, secret: str, clock: Callable[[], float] = time.time) -> None:
        self.name, self.url = name, url.rstrip("/")
        self._api_key, self._clock = api_key, clock
        self._key = private_key(name, secret)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str, parameters: Mapping[str, str], *, within_s: float) -> Reply:
        """Ask; the signature covers the raw query string, so the URL must not be encoded again."""
        query = urlencode({**parameters, "timestamp": str(int(self._clock() * 1000))})
        url = URL(f"{self.url}{ROOT}{path}?{query}", encoded=True)
        return await self._once("GET", path, url, query.encode(), None, within_s)

    async def post(self, path: str, body: Mapping[str, Any], *, at: datetime, within_s: float) -> Reply:
        """Ask for a change, signed with the time `at`."""
        content = json.dumps({**body, "timestamp": round(at.timestamp() * 1000)}, separators=(",", ":")).encode()
        url = URL(f"{self.url}{ROOT}{path}", encoded=True)
        return await self._once("POST", path, url, content, content, within_s)

    async def _once(
        self, method: str, path: str, url: URL, signed: bytes, content: bytes | None, within_s: float
    ) -> Reply:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        signature = self._key.sign(signed, padding.PKCS1v15(), hashes.SHA512())
        headers = {"open-apikey": self._api_key, "signature": base64.b64encode(signature).decode()}
        if content is not None:
            headers["Content-Type"] = "application/json"
        asking = self._session.request(method, url, data=content, headers=headers, allow_redirects=False)
        async with asyncio.timeout(within_s), asking as answer:
            body = await answer.content.read(BODY_BYTES_MAX + 1)
            while not answer.content.at_eof() and len(body) <= BODY_BYTES_MAX:
                body += await answer.content.read(BODY_BYTES_MAX + 1 - len(body))
        if len(body) > BODY_BYTES_MAX:
            raise AnswerIsMalformed(f"{self.name}: at most {BODY_BYTES_MAX} bytes of {path} expected")
        return Reply(status=answer.status, body=body)

    def told(self, path: str, reply: Reply, kind: type[T]) -> T:
        """Return the data in an answer; raise CustodianRefused or AnswerIsMalformed."""
        try:
            envelope = msgspec.json.decode(reply.body, type=_Envelope)
            if envelope.code == SUCCESS:
                return msgspec.json.decode(envelope.data, type=kind)
        except msgspec.MsgspecError as error:
            kind_of_fault = ProxyAnswered if reply.status >= AWAY_FROM else AnswerIsMalformed
            raise kind_of_fault(
                f"{self.name}: the published shape of {path} expected, found HTTP {reply.status} with "
                f"{reply.body[:80]!r} ({error}): check the custodian's URL",
                reply.body,
            ) from error
        raise CustodianRefused(path, reply.status, envelope.code, envelope.message)


def private_key(name: str, secret: str) -> rsa.RSAPrivateKey:
    """Read a private key from base64 PKCS#8 DER; raise SecretIsMalformed."""
    try:
        key: Any = serialization.load_der_private_key(base64.b64decode(secret, validate=True), password=None)
    except (ValueError, TypeError) as error:
        raise SecretIsMalformed(name) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SecretIsMalformed(name)
    return key
