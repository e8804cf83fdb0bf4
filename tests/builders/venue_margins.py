"""What a venue's account is by the venue's own arithmetic, as unmodified ccxt tells it, after trades by chance."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any, Final

from tests.builders.accounts import DERIBIT, INSTRUMENTS, TRADING

D = Decimal
OFF: Final = {"buy": 1.01, "sell": 0.99}  # of the touch: a price that takes
TRADES: Final = 8
ORDERS_MAX: Final = 40
NEVER: Final = (None, "", "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A position: signed contracts, its mark, and in the settlement asset what the venue makes of it."""

    quantity: Decimal
    mark: Decimal
    unrealized: Decimal
    initial: Decimal
    maintenance: Decimal
    liquidation: Decimal | None
    leverage: Decimal | None  # the account's own; None where nobody sets one


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """What margins what settles in an asset, in that asset; `ratio` is maintenance / balance, None without any."""

    balance: Decimal
    unrealized: Decimal
    initial: Decimal
    maintenance: Decimal
    ratio: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An account of one moment: positions by our instrument and pools by asset."""

    at: datetime
    positions: Mapping[str, Held]
    pools: Mapping[str, Pooled]


def trade(client: Any, chance: Random, sizes: Mapping[str, tuple[str, ...]], *, leverages: bool) -> None:
    """Trade TRADES times in contracts by chance, some of it closing, and some of it turning, what is held."""
    for _ in range(TRADES):
        symbol, side = chance.choice(sorted(sizes)), chance.choice(["buy", "sell"])
        amount = float(chance.choice(sizes[symbol])) * chance.randint(1, 5)
        if leverages and not chance.randint(0, 3):
            client.set_leverage(chance.choice([3, 7, 10, 20]), symbol)
        _take(client, symbol, side, amount)


def turn(client: Any, symbol: str) -> None:
    """Buy until a short is a long; each order takes what the book has near its touch."""
    for _ in range(ORDERS_MAX):
        (held,) = client.fetch_positions([symbol])
        if held["side"] == "long":
            return
        _take(client, symbol, "buy", abs(float(held["contracts"])) * 1.2)
    raise AssertionError(f"{symbol} is still short after {ORDERS_MAX} orders")


def _take(client: Any, symbol: str, side: str, amount: float) -> None:
    touch = client.fetch_order_book(symbol, 5)["asks" if side == "buy" else "bids"][0][0]
    price = client.price_to_precision(symbol, float(touch) * OFF[side])
    size = client.amount_to_precision(symbol, amount)
    client.create_order(symbol, "limit", side, float(size), float(price), {"timeInForce": "IOC"})


def okx(client: Any) -> Told:
    """Return an OKX account in futures mode: each coin margins what settles in it; ratios are told upside down."""
    held = {}
    for row in client.fetch_positions():
        info = row["info"]
        held[INSTRUMENTS[TRADING][info["instId"]]] = Held(
            quantity=D(row["contracts"]) * (1 if row["side"] == "long" else -1),
            mark=D(row["markPrice"]),
            unrealized=D(row["unrealizedPnl"]),
            initial=D(info["imr"]),
            maintenance=D(info["mmr"]),
            liquidation=_price(row["liquidationPrice"]),
            leverage=D(info["lever"]),
        )
    pools = {
        row["ccy"]: Pooled(
            balance=D(row["eq"]),
            unrealized=D(row["upl"]),
            initial=D(row["imr"]),
            maintenance=D(row["mmr"]),
            ratio=1 / D(row["mgnRatio"]) if row["mgnRatio"] else None,
        )
        for row in client.fetch_balance()["info"]["data"][0]["details"]
    }
    return Told(at=datetime.now(UTC), positions=held, pools=pools)


def deribit(client: Any) -> Told:
    """Return a Deribit account whose currencies margin each for itself; sizes are in USD there."""
    held = {}
    for row in client.fetch_positions():
        info = row["info"]
        id_ = INSTRUMENTS[DERIBIT][info["instrument_name"]]
        held[id_] = Held(
            quantity=D(str(info["size"])) / (10 if "BTC" in id_ else 1),
            mark=D(str(info["mark_price"])),
            unrealized=D(str(info["total_profit_loss"])),
            initial=D(str(row["initialMargin"])),
            maintenance=D(str(row["maintenanceMargin"])),
            liquidation=_price(row["liquidationPrice"]),
            leverage=None,
        )
    pools = {}
    for row in client.fetch_balance()["info"]["summaries"]:
        values = {name: D(str(row[name])) for name in ("margin_balance", "initial_margin", "maintenance_margin")}
        balance, kept = values["margin_balance"], values["maintenance_margin"]
        pools[row["currency"]] = Pooled(
            balance=balance,
            unrealized=sum((one.unrealized for id_, one in held.items() if row["currency"] in id_), D(0)),
            initial=values["initial_margin"],
            maintenance=kept,
            ratio=kept / balance if kept else None,
        )
    return Told(at=datetime.now(UTC), positions=held, pools=pools)


READ: Final[Mapping[str, Callable[[Any], Told]]] = {TRADING: okx, DERIBIT: deribit}


def _price(text: Any) -> Decimal | None:
    return None if text in NEVER else D(str(text))
