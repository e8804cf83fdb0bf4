"""A small world of reference data, and books in it, built by what is said and nothing else."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.balances import BalanceStated
from hedgeapp.core.events.collateral import CollateralStated, SupplyStated
from hedgeapp.core.events.positions import PositionOpened
from hedgeapp.core.events.reference import (
    AccountChanged,
    AssetChanged,
    ChainChanged,
    CustodianChanged,
    InstrumentChanged,
    LimitChanged,
    VenueChanged,
)
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.core.instruments import Instrument, Tier
from hedgeapp.core.marks import Mark, MarkKind
from hedgeapp.core.reference import Account, Asset, Chain, Custodian, Limit, Venue
from marketdata.core.board import FeedHealth
from portfolio.core.book import Book

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
D = Decimal

LINEAR = "binance-usdm:ETH-USDT-PERP"
INVERSE = "binance-coinm:ETH-USD-PERP"
BTC_LINEAR = "binance-usdm:BTC-USDT-PERP"
USDM = "binance-usdm:main"
COINM = "binance-coinm:main"

# Binance USDⓈ-M brackets of October 2024: notional up to, maintenance rate in %, deduction, leverage.
ETHUSDT = """50000 0.4 0 125, 600000 0.5 50 100, 3000000 0.65 950 75, 12000000 1 11450 50, 50000000 2 131450 25,
65000000 2.5 381450 20, 150000000 5 2006450 10, 320000000 10 9506450 5, 400000000 12.5 17506450 4,
530000000 15 27506450 3, 800000000 25 80506450 2, 1200000000 50 280506450 1"""


AGED = ("mark", "quote", "funding", "rate", "collateral", "balance")


def brackets(text: str) -> tuple[Tier, ...]:
    """Read brackets: cap, rate in %, deduction, leverage, separated by commas."""
    tiers: list[Tier] = []
    for line in text.split(","):
        cap, rate, deduction, leverage = (D(word) for word in line.split())
        floor = tiers[-1].cap if tiers else D(0)
        tiers.append(
            Tier(floor=floor, cap=cap, maintenance_rate=rate / 100, deduction=deduction, leverage_max=leverage)
        )
    return tuple(tiers)


def one_tier(rate: str) -> tuple[Tier, ...]:
    """Return a single flat tier."""
    return (Tier(floor=D(0), cap=D("1e12"), maintenance_rate=D(rate), deduction=D(0), leverage_max=D(10)),)


def instrument(
    name: str = LINEAR, *, contract_size: str | None = None, tiers: tuple[Tier, ...] | None = None
) -> Instrument:
    """Return a contract by its id; COIN-M ones are inverse."""
    venue, _, symbol = name.partition(":")
    base, quote, expiry = symbol.split("-")
    kind: Literal["linear", "inverse"] = "inverse" if venue == "binance-coinm" else "linear"
    return Instrument(
        id=name,
        venue=venue,
        symbol=symbol,
        venue_symbol=symbol,
        kind=kind,
        expiry="perpetual" if expiry == "PERP" else "dated",
        base=base,
        quote=quote,
        settlement=base if kind == "inverse" else quote,
        contract_size=D(contract_size or ("1" if kind == "linear" else "10")),
        tick_size=D("0.01"),
        step_size=D("0.001") if kind == "linear" else D(1),
        tiers=one_tier("0.005") if tiers is None else tiers,
    )


def asset(symbol: str, underlying: str | None = None, assumed_usd: str | None = None) -> AssetChanged:
    """Return the introduction of an asset."""
    row = Asset(
        symbol=symbol,
        name=symbol,
        decimals=18,
        underlying=underlying or symbol,
        assumed_usd=D(assumed_usd) if assumed_usd else None,
    )
    return AssetChanged(at=AT, asset=row, version=1, by="seed")


def introduced(item: Instrument, version: int = 1, at: datetime = AT) -> InstrumentChanged:
    """Return the introduction of an instrument."""
    return InstrumentChanged(at=at, instrument=item, version=version, by="seed")


def limit(kind: str, subject: str, value: str) -> LimitChanged:
    """Return a limit."""
    row = Limit(name=f"{kind} {subject}", kind=kind, subject=subject, value=D(value), unit="")
    return LimitChanged(at=AT, limit=row, version=1, by="seed")


def reference(*instruments: Instrument) -> list[Event]:
    """Return a catalogue: six assets, two venues with an account each, a custodian, a chain, budgets and bands."""
    names = ("binance-usdm", "binance-coinm")
    venues = {name: Venue(name=name, protocol=name, rest_url="", ws_url="") for name in names}
    nowhere = Chain(
        name="ethereum", url="", chain_id=1, confirmations=1, wallets=(), tokens=(), wsteth="", steth_pool="",
        minting="", synthetic="",
    )  # fmt: skip
    return [
        *(asset(name) for name in ("ETH", "BTC", "USDT", "USDC")),
        *(asset(name, "ETH") for name in ("stETH", "wstETH")),
        *(VenueChanged(at=AT, venue=venue, version=1, by="seed") for venue in venues.values()),
        *(
            AccountChanged(
                at=AT,
                account=Account(name=f"{venue}:main", venue=venue, label="main", instruments=()),
                version=1,
                by="seed",
            )
            for venue in venues
        ),
        CustodianChanged(at=AT, custodian=Custodian(name="ceffu", protocol="ceffu", url=""), version=1, by="seed"),
        ChainChanged(at=AT, chain=nowhere, version=1, by="seed"),
        *(introduced(item) for item in instruments or (instrument(LINEAR), instrument(INVERSE))),
        *(limit("data_age_ms_max", of, "60000") for of in AGED),
        limit("net_delta_band", "ETH", "25"),
    ]


def recorded(events: Iterable[Event], after: int = 0) -> list[Recorded]:
    """Return events as the log would hold them."""
    return [Recorded(seq=after + place, recorded_at=event.at, event=event) for place, event in enumerate(events, 1)]


def book_of(*events: Event, instruments: tuple[Instrument, ...] = ()) -> Book:
    """Return a book of the reference data and these events."""
    book = Book()
    for one in recorded([*reference(*instruments), *events]):
        book.apply(one)
    return book


def fill(
    side: Literal["buy", "sell"],
    quantity: str | Decimal,
    price: str | Decimal,
    *,
    trade_id: str = "1",
    at: datetime = AT,
    instrument: str = LINEAR,
    account: str | None = None,
    fee: str = "0",
    fee_asset: str = "USDT",
) -> FillRecorded:
    """Return a fill."""
    return FillRecorded(
        at=at,
        account=account or f"{instrument.partition(':')[0]}:main",
        instrument=instrument,
        trade_id=trade_id,
        venue_order_id="1",
        side=side,
        price=D(price),
        quantity=D(quantity),
        fee=D(fee),
        fee_asset=fee_asset,
        is_maker=False,
    )


def opening(quantity: str | Decimal, price: str | Decimal, instrument: str = LINEAR, last: str = "") -> PositionOpened:
    """Return a position that was there before."""
    return PositionOpened(
        at=AT,
        account=f"{instrument.partition(':')[0]}:main",
        instrument=instrument,
        quantity=D(quantity),
        entry_price=D(price),
        last_trade_id=last,
    )


def balance(account: str, of: str, total: str | Decimal, at: datetime = AT) -> BalanceStated:
    """Return a balance."""
    return BalanceStated(at=at, account=account, asset=of, total=D(total))


def collateral(of: str, total: str | Decimal, at: datetime = AT, holder: str = "ceffu") -> CollateralStated:
    """Return a custodian's holding."""
    return CollateralStated(
        at=at, holder=holder, wallet="w1", asset=of, total=D(total), locked=D(0), reference=str(int(at.timestamp()))
    )


def supply(total: str | Decimal, at: datetime = AT) -> SupplyStated:
    """Return the supply of the synthetic dollar."""
    return SupplyStated(at=at, chain="ethereum", asset="USDe", total=D(total), block=1)


def mark(subject: str, kind: MarkKind, value: str | Decimal, at: datetime = AT) -> Mark:
    """Return a mark."""
    return Mark(subject=subject, kind=kind, value=D(value), at=at, received_at=at, source="test")


def marks_of(*marks: Mark) -> dict[tuple[str, str], Mark]:
    """Return marks by their keys."""
    return {(one.subject, one.kind): one for one in marks}


def common(
    price: str | Decimal, *, usdt: str | Decimal = "1", at: datetime = AT, staked: str = "1"
) -> dict[tuple[str, str], Mark]:
    """Return marks at one common price of ETH in USD: marks, indices and rates agree, nothing is assumed."""
    in_usdt = D(price) / D(usdt)
    return marks_of(
        *(mark(LINEAR, kind, in_usdt, at) for kind in ("mark", "index")),
        *(mark(INVERSE, kind, price, at) for kind in ("mark", "index")),
        mark("USDT", "usd", usdt, at),
        mark("ETH", "usd", price, at),
        *(mark("stETH", kind, staked, at) for kind in ("protocol_rate", "market_rate")),
        *(mark(name, "funding_rate", "0.0001", at) for name in (LINEAR, INVERSE)),
    )


def health(feed: str, heard: datetime, *, is_connected: bool = True) -> FeedHealth:
    """Return a feed's health."""
    return FeedHealth(
        feed=feed,
        is_connected=is_connected,
        since=heard - timedelta(hours=1),
        last_message_at=heard,
        messages_per_s=10.0,
        counters={"messages": 5, "gaps": 1},
        error="" if is_connected else "connection refused",
        epoch=1,
        posted_at=heard,
    )
