"""The faults that the control page arms: what a drill may ask of each, and what happens at once."""

from dataclasses import asdict
from typing import Any

from sandbox import faults
from sandbox.binance.interference import BANNED, TITLES, UNKNOWN
from sandbox.bybit.contracts import BYBIT
from sandbox.ceffu import NAME as CUSTODIAN
from sandbox.control.given import ActionRefused, Given, decimal, flag, venue_of, whole
from sandbox.deribit.contracts import DERIBIT
from sandbox.deribit.refusals import CODES as DERIBIT_CODES
from sandbox.faults import EVERY, Fault
from sandbox.okx.contracts import OKX
from sandbox.okx.errors import CODES as OKX_CODES
from sandbox.world import World

TIMES_MAX = 1_000
DURATION_S_MAX = 3_600
WAIT_MS_MAX = 120_000
WAIT_S_MAX = 600
CONNECTIONS = {"public": False, "private": True, "all": None}
REQUEST = ("account", "symbol", "requests", "path")
SHARED = ("kind", "venue", "times", "duration_s")
FIELDS: dict[str, tuple[str, ...]] = {
    faults.DROP_CONNECTIONS: ("connections", "account"),
    faults.SKIP_SEQUENCE: ("symbol",),
    faults.DELAY: (*REQUEST, "delay_ms"),
    faults.DELAY_STREAM: ("account", "symbol", "connections", "delay_ms"),
    faults.STALE: ("account", "symbol", "connections", "stream"),
    faults.REJECT: (*REQUEST, "code", "message", "status"),
    faults.TIMEOUT_AFTER: (*REQUEST, "hold_ms", "late_ms"),
    faults.TIMEOUT_BEFORE: (*REQUEST, "hold_ms"),
    faults.DROP_FILL: ("account", "symbol"),
    faults.DUPLICATE_FILL: ("account", "symbol"),
    faults.TOO_MANY: (*REQUEST, "status", "retry_after_s", "ban_s"),
    faults.BAD_GATEWAY: (*REQUEST, "status", "code", "executed"),
}
REQUESTS_UNLESS_TOLD = {
    faults.REJECT: faults.ORDER,
    faults.TIMEOUT_AFTER: faults.ORDER,
    faults.TIMEOUT_BEFORE: faults.ORDER,
    faults.BAD_GATEWAY: faults.ORDER,
}
STATUSES = {faults.REJECT: range(400, 600), faults.TOO_MANY: (429, BANNED), faults.BAD_GATEWAY: tuple(TITLES)}
# The venues' documented codes with their texts, first what is armed unless told; Binance's come with HTTP 400 unless
# told otherwise, Bybit's always with 200, OKX's and Deribit's with their own.
CODES: dict[int, str] = {
    -2019: "Margin is insufficient.",
    -1001: "Internal error; unable to process your request. Please try again.",
    -1008: "Server is currently overloaded with other requests. Please try again in a few minutes.",
    -1015: "Too many new orders; current limit is 300 orders per 10 SECOND.",
    -1016: "This service is no longer available.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1111: "Precision is over the maximum defined for this asset.",
    -1121: "Invalid symbol.",
    -2010: "New order rejected.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2018: "Balance is insufficient.",
    -2020: "Unable to fill.",
    -2021: "Order would immediately trigger.",
    -2022: "ReduceOnly Order is rejected.",
    -2025: "Reach max open order limit.",
    -2027: "Exceeded the maximum allowable position at current leverage.",
    -4116: "ClientOrderId is duplicated.",
    -4118: "ReduceOnly Order Failed. Please check your existing position and open orders",
    -4131: "The counterparty's best price does not meet the PERCENT_PRICE filter limit.",
    -4164: "Order's notional must be no smaller than 20 (unless you choose reduce only).",
    -4400: "Futures Trading Quantitative Rules violated, only reduceOnly order is allowed, please try again later.",
    -5021: "Due to the order could not be filled immediately, the FOK order has been rejected.",
    -5022: "Due to the order could not be executed as maker, the Post Only order will be rejected.",
}
BYBIT_CODES: dict[int, str] = {
    110007: "ab not enough for new order",
    10000: "Server Timeout",
    10001: "params error: request parameter is invalid",
    10002: "invalid request, please check your server timestamp or recv_window param.",
    10003: "API key is invalid.",
    10004: "Error sign, please check your signature generation algorithm.",
    10005: "Permission denied, please check your API key permissions.",
    10006: "Too many visits!",
    10016: "Internal server error",
    110001: "order not exists or too late to cancel",
    110003: "Order price exceeds the allowable range.",
    110017: "Reduce-only rule not satisfied",
    110072: "OrderLinkedID is duplicate",
    110079: "The order is processing and can not be operated, please try again later",
    110094: "Order does not meet minimum order value 5USDT",
}
CODES_OF: dict[str, dict[int, str]] = {
    BYBIT: BYBIT_CODES,
    OKX: OKX_CODES,
    DERIBIT: DERIBIT_CODES,
}  # of all others Binance's
OF_ACCOUNTS = frozenset({faults.DROP_FILL, faults.DUPLICATE_FILL})  # what is nothing to a venue without accounts
STATUS_OF_CODE = {-1001: 500, -1008: 503, -1015: 429, -2015: 401}


def arm(world: World, given: Given) -> dict[str, Any]:
    """Arm a fault: {kind, venue, times, duration_s, …}; what remains armed is listed in the state."""
    kind = _one_of(given, "kind", tuple(FIELDS))
    strange = sorted(set(given) - set(SHARED) - set(FIELDS[kind]))
    if strange:
        known = ", ".join((*SHARED, *FIELDS[kind]))
        raise ActionRefused(f"expected {known} for {kind}, found {', '.join(strange)}")
    fault = _fault(world, given, kind)
    try:
        fault = world.faults.arm(fault, world.now_ms())
    except faults.TooManyFaults as problem:
        raise ActionRefused(str(problem)) from problem
    done = _begin(world, fault)
    return {"fault": described(fault), **done}


def clear(world: World, given: Given) -> dict[str, Any]:
    """Disarm faults: {id} for one, {venue} for a venue's, {} for all."""
    venue = given.get("venue")
    if venue not in (None, "", CUSTODIAN):
        venue = venue_of(world, given).venue
    fault_id = whole(given, "id", 1, 2**53) if given.get("id") else None
    cleared = world.faults.clear(fault_id=fault_id, venue=venue or None)
    if fault_id is None:
        for exchange in world.venues:
            for publisher in exchange.publishers.values() if venue in (None, "", exchange.venue) else ():
                publisher.skip_depth(0)
    return {"cleared": cleared}


def kinds() -> dict[str, dict[str, Any]]:
    """Describe what can be armed: the meaning of each kind and its own fields."""
    return {kind: {"meaning": faults.MEANINGS[kind], "fields": list(fields)} for kind, fields in FIELDS.items()}


def listed(world: World) -> list[dict[str, Any]]:
    """Describe the armed faults."""
    return [described(each) for each in world.faults.listed(world.now_ms())]


def described(fault: Fault) -> dict[str, Any]:
    """Describe a fault with what it was armed with."""
    row = asdict(fault)
    kept = {"id", "kind", "venue", "left", "until_ms", "struck", *FIELDS[fault.kind]} - {"connections"}
    found = {name: row[name] for name in row if name in kept}
    if fault.venue == CUSTODIAN:
        return {name: row[name] for name in row if name in {*kept, "refusal"} - {"account", "symbol", "code"}}
    if "connections" in FIELDS[fault.kind]:
        found["connections"] = next(name for name, private in CONNECTIONS.items() if private is fault.private)
    return found


def _fault(world: World, given: Given, kind: str) -> Fault:
    exchange, now_ms = venue_of(world, given), world.now_ms()
    if exchange.venue not in world.traded and kind in OF_ACCOUNTS:
        known = ", ".join(sorted(FIELDS.keys() - OF_ACCOUNTS))
        raise ActionRefused(f"expected one of {known} at {exchange.venue}, found {kind}")
    lasts_ms = duration_ms(given)
    counted = given.get("times") is not None or (lasts_ms is None and kind not in faults.LASTING)
    owned = [name for name, each in world.accounts.accounts.items() if each.venue == exchange.venue]
    code = _code(given, kind, exchange.venue)
    return Fault(
        id=0,
        kind=kind,
        venue=exchange.venue,
        account=_one_of(given, "account", (EVERY, *owned), EVERY),
        symbol=_one_of(given, "symbol", (EVERY, *exchange.markets), EVERY),
        stream=str(given.get("stream", EVERY)),
        requests=_one_of(given, "requests", faults.REQUESTS, REQUESTS_UNLESS_TOLD.get(kind, faults.ANY)),
        path=str(given.get("path", EVERY)),
        private=CONNECTIONS[_one_of(given, "connections", tuple(CONNECTIONS), "all")],
        left=whole_or(given, "times", 1, TIMES_MAX, 1) if counted else None,
        until_ms=None if lasts_ms is None else now_ms + lasts_ms,
        delay_ms=whole_or(given, "delay_ms", 1, WAIT_MS_MAX, 1_000),
        hold_ms=whole_or(given, "hold_ms", 0, WAIT_MS_MAX, 0),
        late_ms=whole_or(given, "late_ms", 0, WAIT_MS_MAX, 0),
        status=_status(given, kind, code),
        code=code,
        message=str(given.get("message") or _codes(exchange.venue).get(code or 0, "")),
        executed=flag(given, "executed") if "executed" in given else True,
        retry_after_s=whole_or(given, "retry_after_s", 1, WAIT_S_MAX, 1),
        ban_s=whole_or(given, "ban_s", 1, WAIT_S_MAX, 5),
    )


def duration_ms(given: Given) -> int | None:
    """Read how long a fault lasts, None when it is not said. Raise ActionRefused."""
    if given.get("duration_s") is None:
        return None
    duration_s = decimal(given, "duration_s")
    if not 0 < duration_s <= DURATION_S_MAX:
        raise ActionRefused(f"expected duration_s to be above 0 and at most {DURATION_S_MAX}, found {duration_s}")
    return int(duration_s * 1000)


def _code(given: Given, kind: str, venue: str) -> int | None:
    if kind == faults.BAD_GATEWAY and given.get("code") is not None:
        return int(_one_of(given, "code", tuple(UNKNOWN)))
    if kind != faults.REJECT:
        return None
    codes = _codes(venue)
    least, most = (1, 9_999_999) if venue in CODES_OF else (-99_999, -1)
    known = given.get("code", next(iter(codes)))
    if known not in codes and not given.get("message"):
        raise ActionRefused(f"expected a code of {', '.join(map(str, codes))}, or a message with it, found {known}")
    return whole({"code": known}, "code", least, most)


def _codes(venue: str) -> dict[int, str]:
    return CODES_OF.get(venue, CODES)


def _status(given: Given, kind: str, code: int | None) -> int:
    allowed = STATUSES.get(kind)
    if allowed is None:
        return 400
    default = STATUS_OF_CODE.get(code or 0, allowed[0])
    status = whole_or(given, "status", 400, 599, default)
    if status not in allowed:
        raise ActionRefused(f"expected a status of {', '.join(map(str, allowed))}, found {status}")
    return status


def _begin(world: World, fault: Fault) -> dict[str, Any]:
    """Do what a fault does at once."""
    exchange = venue_of(world, {"venue": fault.venue})
    if fault.kind == faults.DROP_CONNECTIONS:
        cut = exchange.hub.drop_all("a drill cuts it", private=fault.private, account=fault.account)
        fault.strike()
        return {"dropped": cut}
    if fault.kind == faults.SKIP_SEQUENCE:
        chosen = [each for symbol, each in exchange.publishers.items() if fault.symbol in (EVERY, symbol)]
        for publisher in chosen:
            publisher.skip_depth(fault.left or 1)
        fault.strike()
        fault.left = 0  # the publishers count it from here
        return {"skips": {each.symbol: each.skips for each in chosen}}
    return {}


def whole_or(given: Given, name: str, least: int, most: int, default: int) -> int:
    """Read a whole number in its bounds, or give the default when it is absent. Raise ActionRefused."""
    return whole(given, name, least, most) if given.get(name) is not None else default


def _one_of(given: Given, name: str, allowed: tuple[Any, ...], default: Any = None) -> Any:
    value = given.get(name, default)
    if value not in allowed:
        raise ActionRefused(f"expected {name} to be one of {', '.join(map(str, allowed))}, found {value}")
    return value
