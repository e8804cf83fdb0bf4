"""What a venue's account is by the venue's own arithmetic, as unmodified ccxt tells it, after trades by chance."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any, Final

import ccxt

from tests.builders.accounts import COIN, DERIBIT, INSTRUMENTS, MAIN, TRADING, UNIFIED

D = Decimal
USD: Final = "USD"
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
    """An account of one moment: positions by our instrument, by asset pools, wallets and the venue's own USD prices.

    Where all coins margin together there is one pool, in USD.
    """

    at: datetime
    positions: Mapping[str, Held]
    pools: Mapping[str, Pooled]
    wallets: Mapping[str, Decimal]
    prices: Mapping[str, Decimal]


def trade(client: Any, chance: Random, sizes: Mapping[str, tuple[str, ...]], *, leverages: bool) -> None:
    """Trade TRADES times in contracts by chance, some of it closing, and some of it turning, what is held."""
    for _ in range(TRADES):
        symbol, side = chance.choice(sorted(sizes)), chance.choice(["buy", "sell"])
        amount = float(chance.choice(sizes[symbol])) * chance.randint(1, 5)
        if leverages and not chance.randint(0, 3):
            _lever(client, symbol, chance.choice([3, 7, 10, 20]))
        _take(client, symbol, side, amount)


def turn(client: Any, symbol: str) -> None:
    """Buy until a short is a long; each order takes what the book has near its touch."""
    for _ in range(ORDERS_MAX):
        (held,) = client.fetch_positions([symbol])
        if held["side"] == "long":
            return
        _take(client, symbol, "buy", abs(float(held["contracts"])) * 1.2)
    raise AssertionError(f"{symbol} is still short after {ORDERS_MAX} orders")


def _lever(client: Any, symbol: str, leverage: int) -> None:
    try:
        client.set_leverage(leverage, symbol)
    except ccxt.BadRequest as refusal:
        if "leverage not modified" not in str(refusal):  # Bybit refuses to set what is set
            raise


def _take(client: Any, symbol: str, side: str, amount: float) -> None:
    touch = client.fetch_order_book(symbol, 5)["asks" if side == "buy" else "bids"][0][0]
    price = client.price_to_precision(symbol, float(touch) * OFF[side])
    size = client.amount_to_precision(symbol, amount)
    client.create_order(symbol, "limit", side, float(size), float(price), {"timeInForce": "IOC"})


def okx(client: Any) -> Told:
    """Return an OKX account: each coin margins what settles in it, or all of them together; ratios are upside down."""
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
    (whole,) = client.fetch_balance()["info"]["data"]
    coins = whole["details"]
    prices = {row["ccy"]: D(row["eqUsd"]) / D(row["eq"]) for row in coins}
    if whole["adjEq"]:
        gain = sum((D(row["upl"]) * prices[row["ccy"]] for row in coins), D(0))
        pools = {USD: _pooled(whole, D(whole["adjEq"]), gain)}
    else:
        pools = {row["ccy"]: _pooled(row, D(row["eq"]), D(row["upl"])) for row in coins}
    wallets = {row["ccy"]: D(row["cashBal"]) for row in coins}
    return Told(at=datetime.now(UTC), positions=held, pools=pools, wallets=wallets, prices=prices)


def _pooled(row: Any, balance: Decimal, unrealized: Decimal) -> Pooled:
    return Pooled(
        balance=balance,
        unrealized=unrealized,
        initial=D(row["imr"]),
        maintenance=D(row["mmr"]),
        ratio=1 / D(row["mgnRatio"]) if row["mgnRatio"] else None,
    )


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
        gain = sum((one.unrealized for id_, one in held.items() if row["currency"] in id_), D(0))
        names = ("margin_balance", "initial_margin", "maintenance_margin")
        balance, first, kept = (D(str(row[each])) for each in names)
        pools[row["currency"]] = _weighed(balance, gain, first, kept)
    wallets = {coin: pool.balance - pool.unrealized for coin, pool in pools.items()}
    return Told(at=datetime.now(UTC), positions=held, pools=pools, wallets=wallets, prices={})


def bybit(client: Any) -> Told:
    """Return a unified account, whose coins always margin together; each category of contracts is asked for alone."""
    held = {}
    rows = [client.fetch_positions(None, {"type": "swap", "subType": kind}) for kind in ("linear", "inverse")]
    for row in (row for of in rows for row in of):
        info = row["info"]
        held[INSTRUMENTS[UNIFIED][info["symbol"]]] = Held(
            quantity=D(info["size"]) * (1 if info["side"] == "Buy" else -1),
            mark=D(info["markPrice"]),
            unrealized=D(info["unrealisedPnl"]),
            initial=D(info["positionIM"]),
            maintenance=D(info["positionMM"]),
            liquidation=_price(info["liqPrice"]),
            leverage=D(info["leverage"]),
        )
    (whole,) = client.fetch_balance()["info"]["result"]["list"]
    names = ("totalMarginBalance", "totalPerpUPL", "totalInitialMargin", "totalMaintenanceMargin")
    pools = {USD: _weighed(*(D(whole[each]) for each in names))}
    prices = {row["coin"]: D(row["usdValue"]) / D(row["equity"]) for row in whole["coin"] if D(row["equity"])}
    wallets = {row["coin"]: D(row["walletBalance"]) for row in whole["coin"]}
    return Told(at=datetime.now(UTC), positions=held, pools=pools, wallets=wallets, prices=prices)


def binance(client: Any) -> Told:
    """Return a USDⓈ-M account, in single-asset mode or in multi-assets mode, whose totals are in USD."""
    account = client.fapiPrivateV3GetAccount()
    leverages = {row["symbol"]: D(row["leverage"]) for row in client.fapiPrivateGetSymbolConfig()}
    held = {}
    for row in client.fapiPrivateV3GetPositionRisk():
        if D(row["positionAmt"]):
            held[INSTRUMENTS[MAIN][row["symbol"]]] = Held(
                quantity=D(row["positionAmt"]),
                mark=D(row["markPrice"]),
                unrealized=D(row["unRealizedProfit"]),
                initial=D(row["initialMargin"]),
                maintenance=D(row["maintMargin"]),
                liquidation=_price(row["liquidationPrice"]),
                leverage=leverages[row["symbol"]],
            )
    prices, pools = {}, {}
    if client.fapiPrivateGetAccountConfig()["multiAssetsMargin"]:
        prices = {row["symbol"].removesuffix(USD): D(row["index"]) for row in client.fapiPublicGetAssetIndex()}
        names = ("totalMarginBalance", "totalUnrealizedProfit", "totalInitialMargin", "totalMaintMargin")
        pools[USD] = _weighed(*(D(account[each]) for each in names))
    else:
        names = ("marginBalance", "unrealizedProfit", "initialMargin", "maintMargin")
        for row in account["assets"]:
            if D(row["maintMargin"]) or D(row["walletBalance"]):
                pools[row["asset"]] = _weighed(*(D(row[each]) for each in names))
    wallets = {row["asset"]: D(row["walletBalance"]) for row in account["assets"]}
    return Told(at=datetime.now(UTC), positions=held, pools=pools, wallets=wallets, prices=prices)


def coinm(client: Any) -> Told:
    """Return a COIN-M account, where each coin margins the contracts on it."""
    account = client.dapiPrivateGetAccount()
    margins = {row["symbol"]: row for row in account["positions"]}
    held = {}
    for row in client.dapiPrivateGetPositionRisk():
        if D(row["positionAmt"]):
            held[INSTRUMENTS[COIN][row["symbol"]]] = Held(
                quantity=D(row["positionAmt"]),
                mark=D(row["markPrice"]),
                unrealized=D(row["unRealizedProfit"]),
                initial=D(margins[row["symbol"]]["initialMargin"]),
                maintenance=D(margins[row["symbol"]]["maintMargin"]),
                liquidation=_price(row["liquidationPrice"]),
                leverage=D(row["leverage"]),
            )
    names = ("marginBalance", "unrealizedProfit", "initialMargin", "maintMargin")
    rows = [row for row in account["assets"] if D(row["maintMargin"]) or D(row["walletBalance"])]
    pools = {row["asset"]: _weighed(*(D(row[each]) for each in names)) for row in rows}
    wallets = {row["asset"]: D(row["walletBalance"]) for row in rows}
    return Told(at=datetime.now(UTC), positions=held, pools=pools, wallets=wallets, prices={})


def _weighed(balance: Decimal, unrealized: Decimal, initial: Decimal, kept: Decimal) -> Pooled:
    ratio = kept / balance if kept else None
    return Pooled(balance=balance, unrealized=unrealized, initial=initial, maintenance=kept, ratio=ratio)


READ: Final[Mapping[str, Callable[[Any], Told]]] = {
    MAIN: binance,
    COIN: coinm,
    UNIFIED: bybit,
    TRADING: okx,
    DERIBIT: deribit,
}


def _price(text: Any) -> Decimal | None:
    return None if text in NEVER else D(str(text))
