"""What the control page shows of the custodian: its wallet, links, orders and settlements."""

from typing import Any

from sandbox.binance.wire import plain
from sandbox.ceffu import Ceffu
from sandbox.ceffu.mirror import MirrorX
from sandbox.rows import MirrorOrder
from sandbox.world import World

LATEST_ORDERS = 20
STATUSES = {10: "pending", 20: "in progress", 30: "success", 99: "failed"}
KINDS = {10: "delegate", 20: "undelegate", 30: "settle"}


def custodian(world: World) -> dict[str, Any] | None:
    """Describe the custodian, None in a world without one."""
    held = world.custodian
    if held is None or held.mirror is None:
        return None
    mirror = held.mirror
    cycle, next_ms = mirror.settlement.latest, mirror.settlement.next_due_ms
    return {
        "frozen": held.frozen,
        "order_latency_ms": held.order_latency_ms,
        "settling": mirror.settlement.running,
        "settlement_ends_ms": cycle.ends_ms if cycle and mirror.settlement.running else None,
        "next_settlement_ms": next_ms,
        "wallet": _wallet(held),
        "links": [_link(mirror, each) for each in mirror.links],
        "orders": [_order(mirror, each) for each in _latest(mirror)],
    }


def _wallet(held: Ceffu) -> dict[str, dict[str, str]]:
    return {
        each.coin: {
            "amount": plain(each.amount),
            "available": plain(each.available),
            "mirrored": plain(each.mirrored),
        }
        for each in held.assets()
    }


def _link(mirror: MirrorX, link_id: str) -> dict[str, Any]:
    link = mirror.links[link_id]
    coins = mirror.venue.coins(link.account)
    return {
        "link": link_id,
        "account": link.account,
        "uid": link.uid,
        "mirrored": {coin: plain(mirror.mirrored(link, coin)) for coin in coins if mirror.mirrored(link, coin)},
    }


def _latest(mirror: MirrorX) -> list[MirrorOrder]:
    return mirror.books.ledger.select(MirrorOrder, "1 = 1", (), "created_ms DESC, id DESC", LATEST_ORDERS)


def _order(mirror: MirrorX, order: MirrorOrder) -> dict[str, Any]:
    link = mirror.links.get(order.link)
    return {
        "id": order.id,
        "account": link.account if link else order.link,
        "kind": KINDS[order.kind],
        "coin": order.coin,
        "amount": plain(order.amount),
        "status": STATUSES[order.status] + (", forgotten" if order.forgotten else ""),
        "reason": order.reason,
        "request_id": order.request_id,
        "created_ms": order.created_ms,
        "updated_ms": order.updated_ms,
    }
