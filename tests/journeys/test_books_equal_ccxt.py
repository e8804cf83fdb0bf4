"""On the recorded captures our books are ccxt.pro's, level by level, and no fault of the recording goes unnoticed."""

import gzip
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hedgeapp.core.instruments import ContractKind, Instrument
from marketdata.feeds.binance import messages
from marketdata.feeds.binance.market import Market

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "data" / "market"
CHECKPOINTS = 100


@dataclass(frozen=True, kw_only=True)
class Case:
    """A capture, its instrument, and how ccxt is told of it."""

    file: str
    kind: ContractKind
    venue_symbol: str
    exchange: str
    symbol: str
    url: str


CASES = [
    Case(
        file="usdm_ethusdt_20240808.gz",
        kind="linear",
        venue_symbol="ETHUSDT",
        exchange="binanceusdm",
        symbol="ETH/USDT:USDT",
        url="wss://fstream.binance.com/public/ws/0",
    ),
    Case(
        file="cm_ethusd_perp_20240808.gz",
        kind="inverse",
        venue_symbol="ETHUSD_PERP",
        exchange="binancecoinm",
        symbol="ETH/USD:ETH",
        url="wss://dstream.binance.com/ws/0",
    ),
]


def market_of(case: Case) -> Market:
    """Return a market of the capture's one instrument."""
    is_linear = case.kind == "linear"
    instrument = Instrument(
        id="venue:ETH",
        venue="venue",
        symbol="ETH",
        venue_symbol=case.venue_symbol,
        kind=case.kind,
        expiry="perpetual",
        base="ETH",
        quote="USDT" if is_linear else "USD",
        settlement="USDT" if is_linear else "ETH",
        contract_size=Decimal(1 if is_linear else 10),
        tick_size=Decimal("0.01"),
        step_size=Decimal("0.001" if is_linear else 1),
    )
    return Market("venue", [instrument])


def recorded(case: Case) -> tuple[bytes, list[bytes]]:
    """Return the capture's snapshot and every message of its streams, in order."""
    path = CAPTURES / case.file
    if not path.exists():
        pytest.skip(f"the recorded capture ../shared/data/market/{case.file} is not here")
    snapshot, stream = b"", []
    for line in gzip.decompress(path.read_bytes()).splitlines():
        text = line.partition(b" ")[2]
        if text.startswith(b'{"lastUpdateId"'):
            snapshot = text
        else:
            stream.append(bytes(msgspec.json.decode(text, type=dict[str, msgspec.Raw])["data"]))
    return snapshot, stream


def depths_of(stream: list[bytes], snapshot: bytes) -> list[bytes]:
    """Return the deltas from the one that bridges to the snapshot."""
    last_id = messages.snapshot(snapshot).last_id
    deltas = [raw for raw in stream if b'"depthUpdate"' in raw]
    return deltas[next(i for i, raw in enumerate(deltas) if messages.message(raw).last_id >= last_id) :]


def ccxt_of(case: Case) -> Any:
    """Return unmodified ccxt.pro that knows the capture's one market."""
    import ccxt.pro

    exchange = getattr(ccxt.pro, case.exchange)()
    base, _, settle = case.symbol.partition(":")
    market: dict[str, Any] = {
        "id": case.venue_symbol,
        "symbol": case.symbol,
        "base": "ETH",
        "quote": base.partition("/")[2],
    }
    market |= {"settle": settle, "type": "swap", "spot": False, "swap": True, "contract": True, "active": True}
    market |= {"linear": case.kind == "linear", "inverse": case.kind == "inverse", "contractSize": 1.0}
    exchange.set_markets([exchange.safe_market_structure(market | {"precision": {"price": 0.01, "amount": 0.001}})])
    return exchange


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.venue_symbol)
async def test_our_books_equal_those_of_ccxt_at_every_checkpoint(case: Case) -> None:
    snapshot, stream = recorded(case)
    deltas = depths_of(stream, snapshot)
    market = market_of(case)
    exchange = ccxt_of(case)
    try:
        client = exchange.client(case.url)
        theirs = exchange.orderbooks[case.symbol] = exchange.order_book({})
        decoded = msgspec.json.decode(snapshot)
        theirs.reset(exchange.parse_order_book(decoded, case.symbol) | {"nonce": decoded["lastUpdateId"]})
        at_ms = messages.message(deltas[0]).at_ms
        assert market.load(case.venue_symbol, snapshot, at_ms) is None
        ours = market.books[case.venue_symbol]
        every = len(deltas) // CHECKPOINTS
        compared = 0
        for number, raw in enumerate(deltas, start=1):
            market.receive(raw, messages.message(raw).at_ms)
            client.handle_text_or_binary_message(raw.decode())
            assert case.symbol in exchange.orderbooks, "ccxt dropped its book"
            if number % every == 0:
                compared += 1
                assert ours.last_id == theirs["nonce"]
                assert ours.bids.top() == [tuple(level) for level in theirs["bids"]]
                assert ours.asks.top() == [tuple(level) for level in theirs["asks"]]
                assert (ours.bids.best, ours.asks.best) == (theirs["bids"][0][0], theirs["asks"][0][0])
        assert compared >= CHECKPOINTS
        assert market.counters == {"gaps": 0, "resyncs": 0, "refused": 0}
    finally:
        await exchange.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.venue_symbol)
def test_the_recorded_quotes_are_the_touch_of_the_book(case: Case) -> None:
    """A bookTicker between two deltas belongs to the book of its update id; where both meet they must agree."""
    snapshot, stream = recorded(case)
    market = market_of(case)
    market.load(case.venue_symbol, snapshot, 0)
    book = market.books[case.venue_symbol]
    touches: dict[int, tuple[float | None, float | None]] = {}
    quotes: dict[int, tuple[float, float]] = {}
    for raw in depths_of(stream, snapshot):
        market.receive(raw, messages.message(raw).at_ms)
        touches[book.last_id or 0] = (book.bids.best, book.asks.best)
    for raw in stream:
        if b'"bookTicker"' in raw:
            ticker = messages.message(raw)
            quotes[ticker.update_id] = (float(ticker.bid), float(ticker.ask))
    shared = touches.keys() & quotes.keys()
    assert shared
    assert {id_: touches[id_] for id_ in shared} == {id_: quotes[id_] for id_ in shared}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.venue_symbol)
@pytest.mark.parametrize("lost", [1, 500, 2_000])
def test_one_lost_delta_of_the_recording_is_noticed_at_the_next(case: Case, lost: int) -> None:
    snapshot, stream = recorded(case)
    deltas = depths_of(stream, snapshot)
    market = market_of(case)
    market.load(case.venue_symbol, snapshot, 0)
    for raw in (*deltas[:lost], *deltas[lost + 1 : lost + 2]):
        market.receive(raw, messages.message(raw).at_ms)
    assert market.counters["gaps"] == 1
    assert not market.books[case.venue_symbol].is_running


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.venue_symbol)
def test_a_clock_that_runs_behind_is_no_reason_to_refuse(case: Case) -> None:
    """The recorder's clock ran 1.27 s behind the venue's: every message still counts as in time."""
    _, stream = recorded(case)
    market = market_of(case)
    for raw in stream[:3_000]:
        if b'"trade"' not in raw:
            market.receive(raw, messages.message(raw).at_ms - 1_270)
    assert market.counters["refused"] == 0
    assert {mark.kind for mark in market.marks()} == {"bid", "ask"}
