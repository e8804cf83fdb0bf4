"""The public REST endpoints of a venue: contracts, books, trades, tickers, marks and funding."""

from collections.abc import Iterable
from typing import Any, Protocol

from sandbox.binance import errors
from sandbox.binance.exchange import Exchange
from sandbox.binance.wire import average_price, fixed, plain, sums
from sandbox.instruments import Spec
from sandbox.market import MINUTE_MS, Bar, Market, Trade

Parameters = dict[str, str]


class Listing(Protocol):
    """What is told of a venue's markets, of contracts or of pairs."""

    inverse: bool
    markets: dict[str, Market]

    def now_ms(self) -> int:
        """Give the venue's time."""
        ...

    def market(self, symbol: str | None) -> Market:
        """Find a market by the venue's spelling. Raise RequestRefused."""
        ...


DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1000)
INTERVALS_MS = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "1d": 1440 * MINUTE_MS,
}
INTEGER_MAX = 2**63 - 1


def integer(parameters: Parameters, name: str, default: int | None = None) -> int | None:
    """Read a whole number. Raise RequestRefused when it is none."""
    text = parameters.get(name)
    if text is None or text == "":
        return default
    try:
        number = int(text)
    except ValueError as problem:
        raise errors.malformed(name) from problem
    if not -INTEGER_MAX <= number <= INTEGER_MAX:
        raise errors.malformed(name)
    return number


def limit_of(parameters: Parameters, *, default: int, most: int) -> int:
    """Read the parameter limit. Raise RequestRefused when it is not between 1 and the most."""
    limit = integer(parameters, "limit", default) or 0
    if not 1 <= limit <= most:
        raise errors.malformed("limit")
    return limit


def ping(exchange: Listing, parameters: Parameters) -> Any:
    """Answer that the venue is there."""
    return {}


def server_time(exchange: Listing, parameters: Parameters) -> Any:
    """Tell the venue's time."""
    return {"serverTime": exchange.now_ms()}


def depth(exchange: Exchange, parameters: Parameters) -> Any:
    """Give a snapshot of a book."""
    market = exchange.market(parameters.get("symbol"))
    limit = integer(parameters, "limit", 500)
    if limit not in DEPTH_LIMITS:
        raise errors.RequestRefused(400, -4021, f"Invalid depth limit {limit}.")
    spec, book, now = market.spec, market.book, exchange.now_ms()
    answer: dict[str, Any] = {"lastUpdateId": book.update_id, "E": now, "T": now - 2}
    if exchange.inverse:
        answer |= {"symbol": spec.symbol, "pair": spec.pair}
    for name, side in (("bids", book.bids), ("asks", book.asks)):
        answer[name] = [[spec.price_text(ticks), spec.quantity_text(steps)] for ticks, steps in side.top(limit)]
    return answer


def trades(exchange: Listing, parameters: Parameters) -> Any:
    """List the latest trades, oldest first."""
    market = exchange.market(parameters.get("symbol"))
    rows = list(market.trades)[-limit_of(parameters, default=500, most=1000) :]
    return [_trade(market.spec, row) for row in rows]


def _trade(spec: Spec, row: Trade) -> dict[str, Any]:
    price, quantity = spec.price(row.ticks), spec.quantity(row.steps)
    size = quantity * spec.contract_size
    value = ("baseQty", fixed(size / price)) if spec.inverse else ("quoteQty", plain(size * price))
    return {
        "id": row.id,
        "price": spec.price_text(row.ticks),
        "qty": spec.quantity_text(row.steps),
        value[0]: value[1],
        "time": row.at_ms,
        "isBuyerMaker": row.buyer_is_maker,
    }


def aggregate_trades(exchange: Listing, parameters: Parameters) -> Any:
    """List aggregate trades, oldest first: the latest, or from an id or a time on."""
    market = exchange.market(parameters.get("symbol"))
    spec, limit = market.spec, limit_of(parameters, default=500, most=1000)
    first_id = integer(parameters, "fromId")
    since, until = integer(parameters, "startTime"), integer(parameters, "endTime")
    rows = [
        row
        for row in market.aggregates
        if (first_id is None or row.id >= first_id)
        and (since is None or row.at_ms >= since)
        and (until is None or row.at_ms <= until)
    ]
    chosen = rows[-limit:] if first_id is None and since is None else rows[:limit]
    return [
        {
            "a": row.id,
            "p": spec.price_text(row.ticks),
            "q": spec.quantity_text(row.steps),
            "f": row.first_id,
            "l": row.last_id,
            "T": row.at_ms,
            "m": row.buyer_is_maker,
        }
        for row in chosen
    ]


def klines(exchange: Listing, parameters: Parameters) -> Any:
    """List the candles since the sandbox started, oldest first."""
    market = exchange.market(parameters.get("symbol"))
    length = INTERVALS_MS.get(parameters.get("interval", ""))
    if length is None:
        raise errors.RequestRefused(400, -1120, "Invalid interval.")
    since, until = integer(parameters, "startTime", 0) or 0, integer(parameters, "endTime") or exchange.now_ms()
    groups: dict[int, list[Bar]] = {}
    for bar in market.bars:
        groups.setdefault(bar.open_ms - bar.open_ms % length, []).append(bar)
    rows = [_candle(market.spec, start, length, bars) for start, bars in groups.items() if since <= start <= until]
    return rows[-limit_of(parameters, default=500, most=1500) :]


def _candle(spec: Spec, open_ms: int, length: int, bars: list[Bar]) -> list[Any]:
    volume, value = sums(spec, bars)
    return [
        open_ms,
        spec.price_text(bars[0].open),
        spec.price_text(max(bar.high for bar in bars)),
        spec.price_text(min(bar.low for bar in bars)),
        spec.price_text(bars[-1].close),
        plain(volume),
        open_ms + length - 1,
        plain(value),
        sum(bar.trades for bar in bars),
        plain(spec.quantity(sum(bar.bought for bar in bars))),
        "0",
        "0",
    ]


def chosen(exchange: Listing, parameters: Parameters) -> Iterable[Market]:
    """Give the market of the parameter symbol, or every market."""
    return [exchange.market(parameters["symbol"])] if parameters.get("symbol") else exchange.markets.values()


def one_or_all(exchange: Listing, parameters: Parameters, rows: list[Any]) -> Any:
    """Answer as the venue does: USDⓈ-M gives an object for one symbol, COIN-M always a list."""
    return rows[0] if rows and parameters.get("symbol") and not exchange.inverse else rows


def day_tickers(exchange: Listing, parameters: Parameters) -> Any:
    """Give the statistics of the last 24 hours."""
    return one_or_all(exchange, parameters, [_day(market) for market in chosen(exchange, parameters)])


def _day(market: Market) -> dict[str, Any]:
    spec, bars = market.spec, market.day()
    volume, value = sums(spec, bars)
    last = bars[-1].close if bars else market.mark_ticks
    first = bars[0].open if bars else last
    change = spec.price(last) - spec.price(first)
    row: dict[str, Any] = {
        "symbol": spec.symbol,
        "priceChange": f"{change}",
        "priceChangePercent": fixed(change / spec.price(first) * 100, 3),
        "weightedAvgPrice": fixed(average_price(spec, volume, value), spec.price_places),
        "lastPrice": spec.price_text(last),
        "lastQty": spec.quantity_text(market.aggregates[-1].steps) if market.aggregates else "0",
        "openPrice": spec.price_text(first),
        "highPrice": spec.price_text(max((bar.high for bar in bars), default=last)),
        "lowPrice": spec.price_text(min((bar.low for bar in bars), default=last)),
        "volume": plain(volume),
        "baseVolume" if spec.inverse else "quoteVolume": plain(value),
        "openTime": bars[0].open_ms if bars else market.now_ms,
        "closeTime": market.now_ms,
        "firstId": market.trades[0].id if market.trades else 0,
        "lastId": market.trades[-1].id if market.trades else 0,
        "count": sum(bar.trades for bar in bars),
    }
    if spec.inverse:
        row["pair"] = spec.pair
    return row


def book_tickers(exchange: Listing, parameters: Parameters) -> Any:
    """Give the best bid and ask."""
    rows = []
    for market in chosen(exchange, parameters):
        spec, bids, asks = market.spec, market.book.bids, market.book.asks
        if not bids.keys or not asks.keys:
            continue
        row: dict[str, Any] = {
            "lastUpdateId": market.book.update_id,
            "symbol": spec.symbol,
            "bidPrice": spec.price_text(bids.best),
            "bidQty": spec.quantity_text(bids.best_size),
            "askPrice": spec.price_text(asks.best),
            "askQty": spec.quantity_text(asks.best_size),
            "time": exchange.now_ms(),
        }
        rows.append(row | {"pair": spec.pair} if spec.inverse else row)
    return one_or_all(exchange, parameters, rows)


def price_tickers(exchange: Listing, parameters: Parameters) -> Any:
    """Give the last price."""
    rows = []
    for market in chosen(exchange, parameters):
        ticks = market.aggregates[-1].ticks if market.aggregates else market.mark_ticks
        rows.append({"symbol": market.spec.symbol, "price": market.spec.price_text(ticks), "time": exchange.now_ms()})
    return one_or_all(exchange, parameters, rows)


def premium_index(exchange: Exchange, parameters: Parameters) -> Any:
    """Give mark, index and the funding to come."""
    rows = []
    for market in chosen(exchange, parameters):
        row: dict[str, Any] = {
            "symbol": market.spec.symbol,
            "markPrice": fixed(market.mark),
            "indexPrice": fixed(market.prices.index),
            "estimatedSettlePrice": fixed(market.prices.index),
            "lastFundingRate": fixed(market.funding_rate),
            "interestRate": "0.00010000",
            "nextFundingTime": market.next_funding_ms,
            "time": exchange.now_ms(),
        }
        rows.append(row | {"pair": market.spec.pair} if exchange.inverse else row)
    return one_or_all(exchange, parameters, rows)


def funding_rates(exchange: Exchange, parameters: Parameters) -> Any:
    """List settled funding rates, oldest first."""
    symbol = exchange.market(parameters["symbol"]).spec.symbol if parameters.get("symbol") else None
    since, until = integer(parameters, "startTime", 0) or 0, integer(parameters, "endTime") or exchange.now_ms()
    limit = limit_of(parameters, default=100, most=1000)
    rows = exchange.accounts.ledger.fundings(exchange.venue, symbol, since, until, 1000)
    kept = rows[:limit] if parameters.get("startTime") else rows[-limit:]
    return [
        {"symbol": row.symbol, "fundingRate": row.rate, "fundingTime": row.at_ms, "markPrice": row.mark} for row in kept
    ]


def funding_info(exchange: Exchange, parameters: Parameters) -> Any:
    """List the contracts' funding intervals and caps."""
    return [
        {
            "symbol": market.spec.symbol,
            "adjustedFundingRateCap": "0.00750000",
            "adjustedFundingRateFloor": "-0.00750000",
            "fundingIntervalHours": max(1, market.funding_ms // 3_600_000),
            "disclaimer": False,
        }
        for market in exchange.markets.values()
    ]


def open_interest(exchange: Exchange, parameters: Parameters) -> Any:
    """Give the open interest of a contract in its unit of quantity."""
    market = exchange.market(parameters.get("symbol"))
    spec = market.spec
    ours = sum(
        abs(position.quantity)
        for position in exchange.accounts.ledger.positions.values()
        if position.symbol == spec.symbol
    )
    row: dict[str, Any] = {
        "symbol": spec.symbol,
        "openInterest": fixed(market.others_hold + float(ours), spec.quantity_decimals),
        "time": exchange.now_ms(),
    }
    return row | {"pair": spec.pair, "contractType": spec.contract_type} if spec.inverse else row
