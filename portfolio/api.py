"""API: prices and capacity for programs, each with a key of its own; docs/api.md."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.security import HttpBearer

from hedgeapp.access.api_keys import ApiKeyIsNotInForce, Caller, ScopeIsMissing, caller
from hedgeapp.access.pace import CountIsAway, TooManyRequests, keep_pace
from portfolio.api_documents import CapacityDocument, Prices, Refusal, Status
from portfolio.screen.ladder_stream import CAPACITY, KEPT_S, PRICES, StoreIsAway, latest

# Numbers of refusals, as integrators of such a dollar know them.
PAYLOAD, UNAVAILABLE, ASSET, THROTTLED, NO_PRICES = 0, 1, 2, 28, 33
AGE_MS: Final = 1_000


class NoPrices(RuntimeError):
    """The engine has told nothing in the last seconds."""

    def __init__(self) -> None:
        super().__init__(f"a document of the last {KEPT_S} s expected, found none: the engine is silent, try again")


class AssetHasNoLadder(LookupError):
    """An asset was asked for that is not offered."""

    def __init__(self, asset: str, known: list[str]) -> None:
        super().__init__(f"one of the assets offered ({', '.join(known)}) expected, found {asset[:60]!r}")


class ApiKey(HttpBearer):
    """A key as `Authorization: Bearer hk_…`, in force, with the scope that is needed, within its pace."""

    def __init__(self, scope: str = "") -> None:
        super().__init__()
        self._scope = scope

    def __call__(self, request: HttpRequest) -> Caller:
        """Return whose key it is; a refusal says what was expected."""
        at = datetime.now(UTC)
        found = caller(request.headers.get("Authorization", ""), at=at)
        if self._scope:
            found.require(self._scope)
        keep_pace(found, at=at)
        return found

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """Do nothing: `__call__` has done all."""


REFUSALS: Final[dict[int, Any]] = dict.fromkeys((401, 403, 429, 503), Refusal)
ANSWERED: Final[dict[type[Exception], tuple[int, int | None]]] = {
    ApiKeyIsNotInForce: (401, None),
    ScopeIsMissing: (403, None),
    TooManyRequests: (429, THROTTLED),
    CountIsAway: (503, UNAVAILABLE),
    StoreIsAway: (503, UNAVAILABLE),
    NoPrices: (503, NO_PRICES),
    AssetHasNoLadder: (404, ASSET),
}

api = NinjaAPI(
    title="Indicative prices",
    version="1",
    description="What an asset is minted and redeemed at, by size, and what the minting contract still takes. "
    "Indicative, never firm. Decimals are strings, times RFC 3339 in UTC, what is not known is null.",
    urls_namespace="api-v1",
    docs_url="/explorer",
)


@api.get(
    "/prices",
    response={200: Prices, **REFUSALS},
    auth=ApiKey("prices:read"),
    operation_id="prices",
    summary="The ladders of all assets",
)
def prices(request: HttpRequest) -> HttpResponse:
    """Both ways for 2, 4, 8 and so on up to the largest size; made four times a second."""
    return _told(_kept(PRICES))


@api.get(
    "/prices/{asset}",
    response={200: Prices, 404: Refusal, **REFUSALS},
    auth=ApiKey("prices:read"),
    operation_id="prices_of_asset",
    summary="The ladder of one asset",
)
def prices_of_asset(request: HttpRequest, asset: str) -> HttpResponse:
    """The same document with this asset alone."""
    found = msgspec.json.decode(_kept(PRICES))
    rows = [row for row in found["assets"] if row["asset"] == asset]
    if not rows:
        raise AssetHasNoLadder(asset, [row["asset"] for row in found["assets"]])
    return _told(msgspec.json.encode({**found, "assets": rows}))


@api.get(
    "/capacity",
    response={200: CapacityDocument, **REFUSALS},
    auth=ApiKey("capacity:read"),
    operation_id="capacity",
    summary="What the minting contracts still take",
)
def capacity(request: HttpRequest) -> HttpResponse:
    """Of the newest confirmed block of each chain, in synthetic dollars."""
    return _told(_kept(CAPACITY))


@api.get(
    "/status",
    response={200: Status, **REFUSALS},
    auth=ApiKey(),
    operation_id="status",
    summary="Whether prices are made and mint and redeem are open",
)
def status(request: HttpRequest) -> HttpResponse:
    """Asked with any key; never older than a second while the engine lives."""
    kept = latest(PRICES)
    if kept is None:
        return _told(msgspec.json.encode({"state": "silent", "at": None, "age_ms": None}))
    found = msgspec.json.decode(kept)
    age = datetime.now(UTC) - datetime.fromisoformat(found["at"])
    ms = max(0, int(age.total_seconds() * AGE_MS))
    return _told(msgspec.json.encode({"state": found["state"], "at": found["at"], "age_ms": ms}))


def _kept(group: str) -> bytes:
    kept = latest(group)
    if kept is None:
        raise NoPrices
    return kept


def _told(document: bytes) -> HttpResponse:
    return HttpResponse(document, content_type="application/json", headers={"Cache-Control": "no-store"})


def _refused(request: HttpRequest, refusal: Exception | type[Exception]) -> HttpResponse:
    status, code = ANSWERED[refusal if isinstance(refusal, type) else type(refusal)]
    answer = JsonResponse({"error": str(refusal), "code": code}, status=status, headers={"Cache-Control": "no-store"})
    if isinstance(refusal, ApiKeyIsNotInForce):
        answer.headers["WWW-Authenticate"] = "Bearer"
    elif isinstance(refusal, TooManyRequests):
        answer.headers["Retry-After"] = str(refusal.retry_after_s)
    return answer


def _malformed(request: HttpRequest, refusal: Exception | type[Exception]) -> HttpResponse:
    said = "a request as the explorer shows expected, found another: correct it"
    return JsonResponse({"error": said, "code": PAYLOAD}, status=400)


for _kind in ANSWERED:
    api.add_exception_handler(_kind, _refused)
for _other in (HttpError, ValidationError):
    api.add_exception_handler(_other, _malformed)
