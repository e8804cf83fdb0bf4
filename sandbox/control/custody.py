"""What the control page can do to the custodian: freeze it, let it forget, fail or be late, change what it holds."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox import faults
from sandbox.binance.wire import plain
from sandbox.ceffu import NAME, Ceffu
from sandbox.ceffu.books import Change
from sandbox.ceffu.mirror import MirrorX, NothingToForget
from sandbox.ceffu.statuses import DELEGATION, SUCCESS
from sandbox.control import drills
from sandbox.control.given import ActionRefused, Given, decimal, flag, whole
from sandbox.faults import Fault
from sandbox.rows import MirrorOrder
from sandbox.world import World

ADJUSTMENT_MAX = Decimal(1_000_000_000)
LATENCY_S_MAX = 3_600
KINDS = (faults.DELAY, faults.REJECT, faults.TIMEOUT_AFTER, faults.TIMEOUT_BEFORE, faults.BAD_GATEWAY)
STATUS_OF_REFUSAL = {"G20001": 500, "G20012": 429, "G20013": 403, "G20015": 200, "G20016": 403, "G20002": 200}
MESSAGES = {
    "G20001": "Internal system error",
    "G20002": "Bad request",
    "G20012": "Rate limit exceeded",
    "G20013": "No wallet permission",
    "G20015": "Duplicated request",
    "G20016": "No permission access this endpoint",
}


def freeze(world: World, given: Given) -> dict[str, Any]:
    """Stop everything that moves at the custodian, or let it go on: {frozen}."""
    custodian = custodian_of(world)
    custodian.freeze(frozen=flag(given, "frozen"))
    return {"frozen": custodian.frozen}


def adjust(world: World, given: Given) -> dict[str, Any]:
    """Change what the wallet holds without any order: {coin, amount}, negative to take away."""
    custodian, coin, amount = custodian_of(world), str(given.get("coin")), decimal(given, "amount")
    held = {each.coin: each.amount for each in custodian.assets()}
    if coin not in held or not 0 < abs(amount) <= ADJUSTMENT_MAX or held[coin] + amount < 0:
        known = ", ".join(f"{amount:f} {name}" for name, amount in held.items())
        raise ActionRefused(f"expected an amount of a coin that leaves 0 or more of {known}, found {amount} {coin}")
    change = Change(place=custodian.place, coin=coin, units=custodian.units(coin, amount))
    custodian.books.post([change], "behind our back", world.now_ms())
    return {"coin": coin, "amount": plain(custodian.asset(coin).amount)}


def deposit(world: World, given: Given) -> dict[str, Any]:
    """Let coins arrive at the custodian, or fail to: {coin, network, amount, failed, wallet}."""
    custodian, coin, amount = custodian_of(world), str(given.get("coin")), decimal(given, "amount")
    if coin not in custodian.coins() or not 0 < amount <= ADJUSTMENT_MAX:
        raise ActionRefused(f"expected an amount above 0 of {', '.join(custodian.coins())}, found {amount} {coin}")
    failed = flag(given, "failed") if "failed" in given else False
    wallet_id = whole(given, "wallet", 1, 10**18) if given.get("wallet") else custodian.wallet.wallet_id
    if wallet_id not in (custodian.wallet.wallet_id, *custodian.wallets.subs):
        raise ActionRefused(f"expected a wallet of the custodian, found {wallet_id}")
    network = str(given.get("network") or "ETH")
    found = custodian.wallets.deposit(coin, network, amount, failed=failed, wallet_id=wallet_id)
    return {"order": found.id, "status": found.status}


def forget(world: World, given: Given) -> dict[str, Any]:
    """Let the custodian lose a delegation, the latest when no order is named: {order}."""
    mirror = mirror_of(world)
    where = "kind = ? AND status = ? AND forgotten = 0"
    latest = mirror.books.ledger.select(MirrorOrder, where, (DELEGATION, SUCCESS), "id DESC", 1)
    chosen = str(given.get("order") or (latest[0].id if latest else "none"))
    return _switched(mirror.forget, chosen)


def remember(world: World, given: Given) -> dict[str, Any]:
    """Let the custodian know a forgotten delegation again, the latest when no order is named: {order}."""
    mirror = mirror_of(world)
    latest = mirror.books.ledger.select(MirrorOrder, "forgotten = 1", (), "id DESC", 1)
    chosen = str(given.get("order") or (latest[0].id if latest else "none"))
    return _switched(mirror.remember, chosen)


def fail(world: World, given: Given) -> dict[str, Any]:
    """Let the next mirror orders be taken and then fail: {times, reason}."""
    mirror, times = mirror_of(world), whole(given, "times", 1, drills.TIMES_MAX)
    mirror.fail_next = [str(given.get("reason") or "the exchange refused it")] * times
    return {"fails": times}


def settle(world: World, given: Given) -> dict[str, Any]:
    """Begin a settlement now, outside the timetable."""
    settlement, now_ms = mirror_of(world).settlement, world.now_ms()
    if settlement.running:
        raise ActionRefused("expected no settlement in progress, found one; wait for its end")
    cycle = settlement.begin(now_ms, now_ms)
    return {"settlement": cycle.id, "ends_ms": cycle.ends_ms}


def latency(world: World, given: Given) -> dict[str, Any]:
    """Let mirror orders take so long from now on: {seconds}."""
    custodian, seconds = custodian_of(world), decimal(given, "seconds")
    if not 0 <= seconds <= LATENCY_S_MAX:
        raise ActionRefused(f"expected seconds from 0 to {LATENCY_S_MAX}, found {seconds}")
    custodian.order_latency_ms = int(seconds * 1_000)
    return {"order_latency_ms": custodian.order_latency_ms}


def arm(world: World, given: Given) -> dict[str, Any]:
    """Arm a fault at the custodian's door: {kind, requests, path, times, duration_s, delay_ms, hold_ms, code, …}."""
    kind = given.get("kind")
    if kind not in KINDS:
        raise ActionRefused(f"expected kind to be one of {', '.join(KINDS)}, found {kind}")
    refusal = str(given.get("code") or "G20001") if kind == faults.REJECT else ""
    if refusal and refusal not in MESSAGES:
        raise ActionRefused(f"expected a code of {', '.join(MESSAGES)}, found {refusal}")
    now_ms, duration_ms = world.now_ms(), drills.duration_ms(given)
    counted = given.get("times") is not None or (duration_ms is None and kind not in faults.LASTING)
    requests = str(given.get("requests") or (faults.ANY if kind == faults.DELAY else faults.ORDER))
    if requests not in faults.REQUESTS:
        raise ActionRefused(f"expected requests to be one of {', '.join(faults.REQUESTS)}, found {requests}")
    armed = Fault(
        id=0,
        kind=kind,
        venue=NAME,
        requests=requests,
        path=str(given.get("path", faults.EVERY)),
        left=whole(given, "times", 1, drills.TIMES_MAX) if counted else None,
        until_ms=None if duration_ms is None else now_ms + duration_ms,
        delay_ms=drills.whole_or(given, "delay_ms", 1, drills.WAIT_MS_MAX, 1_000),
        hold_ms=drills.whole_or(given, "hold_ms", 0, drills.WAIT_MS_MAX, 0),
        late_ms=drills.whole_or(given, "late_ms", 0, drills.WAIT_MS_MAX, 0),
        status=STATUS_OF_REFUSAL.get(refusal, 502),
        refusal=refusal,
        message=str(given.get("message") or MESSAGES.get(refusal, "")),
        executed=flag(given, "executed") if "executed" in given else True,
    )
    try:
        armed = world.faults.arm(armed, now_ms)
    except faults.TooManyFaults as problem:
        raise ActionRefused(str(problem)) from problem
    return {"fault": drills.described(armed)}


ACTIONS: dict[str, Callable[[World, Given], dict[str, Any]]] = {
    "custody/freeze": freeze,
    "custody/adjust": adjust,
    "custody/deposit": deposit,
    "custody/forget": forget,
    "custody/remember": remember,
    "custody/fail": fail,
    "custody/settle": settle,
    "custody/latency": latency,
    "custody/arm": arm,
}


def custodian_of(world: World) -> Ceffu:
    """Give the custodian of a world. Raise ActionRefused."""
    if world.custodian is None:
        raise ActionRefused("expected a world with a custodian, found none")
    return world.custodian


def mirror_of(world: World) -> MirrorX:
    """Give what mirrors the custodian's wallet. Raise ActionRefused."""
    mirror = custodian_of(world).mirror
    if mirror is None:
        raise ActionRefused("expected a custodian that is connected, found one that is not")
    return mirror


def _switched(act: Callable[[str], MirrorOrder], order_id: str) -> dict[str, Any]:
    try:
        order = act(order_id)
    except NothingToForget as problem:
        raise ActionRefused(str(problem)) from problem
    return {"order": order.id, "coin": order.coin, "amount": f"{order.amount:f}", "forgotten": order.forgotten}
