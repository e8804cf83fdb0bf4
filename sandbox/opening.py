"""How the accounts came to their book: deposits, the fills that opened the hedge and the funding paid since."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from sandbox.accounts import Account, Accounts
from sandbox.bybit.contracts import BYBIT
from sandbox.deribit.contracts import DERIBIT
from sandbox.instruments import COINM, USDM
from sandbox.market import Market
from sandbox.okx.contracts import OKX
from sandbox.rows import Income

DAY_MS = 86_400_000
HISTORY_DAYS = 5
BUILD_HOURS = 20  # the hedge was opened over so many hours after the deposits
ORDERS_PER_POSITION = 24
FILLS_PER_ORDER_MAX = 3
NET_LONG = {"ETH": Decimal(13), "BTC": Decimal("0.08")}

MAIN = "binance-usdm:main"
RESERVE = "binance-usdm:reserve"
COIN = "binance-coinm:main"
UNIFIED = "bybit:main"
OKX_MAIN = "okx:main"
DERIBIT_MAIN = "deribit:main"
MIRRORED = (MAIN, COIN)

ACCOUNTS = (
    Account(name=MAIN, venue=USDM, label="USDⓈ-M main", symbols=("ETHUSDT", "BTCUSDT")),
    Account(name=RESERVE, venue=USDM, label="USDⓈ-M reserve fund", symbols=("ETHUSDT", "BTCUSDT")),
    Account(name=COIN, venue=COINM, label="COIN-M main", symbols=("ETHUSD_PERP", "BTCUSD_PERP")),
)
BYBIT_ACCOUNT = Account(
    name=UNIFIED, venue=BYBIT, label="Unified main", symbols=("ETHUSDT", "BTCUSDT", "ETHUSD", "BTCUSD")
)
OKX_ACCOUNT = Account(
    name=OKX_MAIN,
    venue=OKX,
    label="Trading",
    symbols=("ETH-USDT-SWAP", "BTC-USDT-SWAP", "ETH-USD-SWAP", "BTC-USD-SWAP"),
)
DERIBIT_ACCOUNT = Account(
    name=DERIBIT_MAIN, venue=DERIBIT, label="Deribit main", symbols=("ETH-PERPETUAL", "BTC-PERPETUAL")
)
OFFERED = (BYBIT_ACCOUNT, OKX_ACCOUNT, DERIBIT_ACCOUNT)  # of venues that are there when they are asked for
DEPOSITS = (
    (MAIN, "USDT", Decimal(8_000_000)),
    (RESERVE, "USDT", Decimal(400_000)),
    (COIN, "ETH", Decimal(3_900)),
    (COIN, "BTC", Decimal(52)),
    (UNIFIED, "USDT", Decimal(1_000_000)),
    (UNIFIED, "ETH", Decimal(200)),
    (UNIFIED, "BTC", Decimal(4)),
    (OKX_MAIN, "USDT", Decimal(1_000_000)),
    (OKX_MAIN, "ETH", Decimal(200)),
    (OKX_MAIN, "BTC", Decimal(4)),
    (DERIBIT_MAIN, "ETH", Decimal(120)),
    (DERIBIT_MAIN, "BTC", Decimal(2)),
)
# Shorts in coins; the balancing account takes what remains to be exactly NET_LONG.
SHORTS = (
    (COIN, "ETHUSD_PERP", Decimal(7_540)),
    (COIN, "BTCUSD_PERP", Decimal(97)),
    (RESERVE, "ETHUSDT", Decimal(120)),
    (RESERVE, "BTCUSDT", Decimal(1)),
    (UNIFIED, "ETHUSD", Decimal(160)),
    (UNIFIED, "BTCUSD", Decimal(3)),
    (UNIFIED, "ETHUSDT", Decimal(40)),
    (OKX_MAIN, "ETH-USD-SWAP", Decimal(160)),
    (OKX_MAIN, "BTC-USD-SWAP", Decimal(3)),
    (OKX_MAIN, "ETH-USDT-SWAP", Decimal(40)),
    (DERIBIT_MAIN, "ETH-PERPETUAL", Decimal(240)),
    (DERIBIT_MAIN, "BTC-PERPETUAL", Decimal(4)),
)
BALANCING = {"ETH": (MAIN, "ETHUSDT"), "BTC": (MAIN, "BTCUSDT")}


@dataclass(slots=True, kw_only=True)
class Step:
    """Something that happened at a time in the past."""

    at_ms: int
    act: Callable[[int], None]


def open_book(accounts: Accounts, collateral: dict[str, Decimal], *, now_ms: int, funding_ms: int, rng: Random) -> None:
    """Write the past of all accounts: after it the book is NET_LONG against the collateral (coin -> amount)."""
    begin = now_ms - HISTORY_DAYS * DAY_MS
    _deposit(accounts, begin)
    steps: list[Step] = []
    for account, symbol, coins in (each for each in SHORTS if each[0] in accounts.accounts):
        steps += _sales(accounts, account, symbol, coins, begin, rng)
    for coin, (account, symbol) in BALANCING.items():
        steps += _sales(accounts, account, symbol, _rough_balance(accounts, coin, collateral), begin, rng)
    for market in accounts.markets.values():
        for at_ms in range((begin // funding_ms + 1) * funding_ms, now_ms, funding_ms):
            steps.append(Step(at_ms=at_ms, act=_funding(accounts, market, rng)))
    for step in sorted(steps, key=lambda each: each.at_ms):
        step.act(step.at_ms)
    for coin, (account, symbol) in BALANCING.items():
        _balance(accounts, account, symbol, coin, collateral.get(coin, Decimal(0)), now_ms - 600_000)


def accounts_of(offered: Collection[str]) -> tuple[Account, ...]:
    """List the accounts of a world with those of the venues that were asked for."""
    return (*ACCOUNTS, *(each for each in OFFERED if each.venue in offered))


def join(accounts: Accounts, account: str, now_ms: int) -> None:
    """Give an account that an older folder does not know its dollars; coins would want a hedge."""
    for name, asset, amount in DEPOSITS:
        if name == account and asset == "USDT":
            accounts.transfer(account, asset, amount, now_ms)


def net_delta(accounts: Accounts, coin: str) -> Decimal:
    """Give the accounts' exposure to a coin: linear quantities, and wallet - Q/entry of the inverse ones."""
    delta = Decimal(0)
    for (name, symbol), position in accounts.ledger.positions.items():
        spec = accounts.markets[accounts.accounts[name].venue, symbol].spec
        if spec.coin != coin or not position.quantity:
            continue
        size = position.quantity * spec.contract_size
        delta += size / position.entry_price if spec.inverse else size
    return delta + sum((wallet for (_, asset), wallet in accounts.ledger.balances.items() if asset == coin), Decimal(0))


def _deposit(accounts: Accounts, at_ms: int) -> None:
    accounts.ledger.record(
        incomes=[
            Income(
                id=accounts.income_ids.take(),
                account=account,
                symbol="",
                kind="TRANSFER",
                income=amount,
                asset=asset,
                info="TRANSFER",
                trade_id="",
                at_ms=at_ms,
            )
            for account, asset, amount in DEPOSITS
            if account in accounts.accounts
        ]
    )


def _rough_balance(accounts: Accounts, coin: str, collateral: dict[str, Decimal]) -> Decimal:
    """Give most of what the balancing account will sell; the last order makes it exact."""
    here = accounts.accounts
    shorts = sum((coins for name, symbol, coins in SHORTS if name in here and symbol.startswith(coin)), Decimal(0))
    deposits = sum((amount for name, asset, amount in DEPOSITS if name in here and asset == coin), Decimal(0))
    return max(Decimal(0), (collateral.get(coin, Decimal(0)) + deposits - shorts) * Decimal("0.99"))


def _sales(accounts: Accounts, account: str, symbol: str, coins: Decimal, begin_ms: int, rng: Random) -> list[Step]:
    """Plan the orders that sold so many coins of a contract, at prices around today's."""
    market = accounts.market(account, symbol)
    spec = market.spec
    price = Decimal(f"{market.mark:.8f}")
    size = coins * price if spec.inverse else coins
    total = int((size / spec.contract_size).scaleb(spec.quantity_decimals))
    steps = []
    for number in range(ORDERS_PER_POSITION):
        count = (
            total // ORDERS_PER_POSITION if number else total - total // ORDERS_PER_POSITION * (ORDERS_PER_POSITION - 1)
        )
        at_ms = begin_ms + 3_600_000 + int((number + rng.random()) / ORDERS_PER_POSITION * BUILD_HOURS * 3_600_000)
        ticks = round(market.mark * rng.uniform(0.996, 1.004) * spec.ticks_per_unit)
        steps.append(Step(at_ms=at_ms, act=_order(accounts, account, symbol, ticks, count, rng)))
    return steps


def _order(accounts: Accounts, account: str, symbol: str, ticks: int, count: int, rng: Random) -> Callable[[int], None]:
    parts = [count] if count < FILLS_PER_ORDER_MAX else _split(count, rng.randint(1, FILLS_PER_ORDER_MAX))
    maker = rng.random() < 0.6

    def act(at_ms: int) -> None:
        market = accounts.market(account, symbol)
        filled = [(market.trade_ids.take(), ticks - number, part) for number, part in enumerate(parts) if part]
        if filled:
            accounts.execute(account, symbol, "SELL", filled, maker=maker, at_ms=at_ms)

    return act


def _split(count: int, pieces: int) -> list[int]:
    part = count // pieces
    return [part] * (pieces - 1) + [count - part * (pieces - 1)]


def _funding(accounts: Accounts, market: Market, rng: Random) -> Callable[[int], None]:
    rate = max(-0.0003, min(0.0005, rng.gauss(0.00008, 0.00005)))

    def act(at_ms: int) -> None:
        accounts.pay_funding(market, at_ms, rate=rate, mark=market.mark)
        market.prices.last_funding_rate, market.prices.last_funding_ms = rate, at_ms

    return act


def _balance(accounts: Accounts, account: str, symbol: str, coin: str, collateral: Decimal, at_ms: int) -> None:
    """Trade what is missing to be NET_LONG."""
    market = accounts.market(account, symbol)
    spec = market.spec
    surplus = collateral + net_delta(accounts, coin) - NET_LONG[coin]
    steps = int(abs(surplus).scaleb(spec.quantity_decimals))
    if steps:
        ticks = market.mark_ticks
        side = "SELL" if surplus > 0 else "BUY"
        accounts.execute(account, symbol, side, [(market.trade_ids.take(), ticks, steps)], maker=True, at_ms=at_ms)
