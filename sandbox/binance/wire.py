"""The texts of Binance's public stream messages and the numbers in them."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

from sandbox.book import Diff
from sandbox.instruments import Spec
from sandbox.market import Bar, Market, Trade
from sandbox.rows import Order


def fixed(value: Decimal | float, places: int = 8) -> str:
    """Print a number with so many decimals, as the venue does."""
    return f"{value:.{places}f}"


def money(value: Decimal, places: int = 8) -> Decimal:
    """Round an amount half to even to the decimals that the venue books."""
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)


def cut(value: Decimal, places: int = 8) -> Decimal:
    """Cut an amount down to the decimals that the venue books."""
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_DOWN)


def plain(value: Decimal) -> str:
    """Print a decimal without exponent and without trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def levels(spec: Spec, rows: Iterable[tuple[int, int]]) -> str:
    """Print book levels as [["price","quantity"], …]."""
    price, quantity = spec.price_text, spec.quantity_text
    return "[" + ",".join([f'["{price(ticks)}","{quantity(steps)}"]' for ticks, steps in rows]) + "]"


def _pair(spec: Spec) -> str:
    return f',"ps":"{spec.pair}"' if spec.inverse else ""


def depth_update(market: Market, diff: Diff) -> str:
    """Print a depthUpdate of the changes of a book."""
    spec, now = market.spec, market.now_ms
    return (
        f'{{"e":"depthUpdate","E":{now},"T":{now - 2},"s":"{spec.symbol}"{_pair(spec)},"U":{diff.first_id},'
        f'"u":{diff.last_id},"pu":{diff.previous_id},"b":{levels(spec, diff.bids)},"a":{levels(spec, diff.asks)}}}'
    )


def partial_depth(market: Market, count: int, previous_id: int) -> str:
    """Print the top levels of a book as a partial depth stream does."""
    spec, now, book = market.spec, market.now_ms, market.book
    return (
        f'{{"e":"depthUpdate","E":{now},"T":{now - 2},"s":"{spec.symbol}"{_pair(spec)},"U":{previous_id + 1},'
        f'"u":{book.update_id},"pu":{previous_id},"b":{levels(spec, book.bids.top(count))},'
        f'"a":{levels(spec, book.asks.top(count))}}}'
    )


def book_ticker(market: Market) -> str:
    """Print the touch of a book."""
    spec, now, book = market.spec, market.now_ms, market.book
    bids, asks = book.bids, book.asks
    return (
        f'{{"e":"bookTicker","u":{book.update_id},"s":"{spec.symbol}"{_pair(spec)},'
        f'"b":"{spec.price_text(bids.best)}","B":"{spec.quantity_text(bids.best_size)}",'
        f'"a":"{spec.price_text(asks.best)}","A":"{spec.quantity_text(asks.best_size)}","T":{now - 1},"E":{now}}}'
    )


def trade(spec: Spec, row: Trade, now: int) -> str:
    """Print one trade."""
    maker = "true" if row.buyer_is_maker else "false"
    return (
        f'{{"e":"trade","E":{now},"T":{row.at_ms},"s":"{spec.symbol}","t":{row.id},"p":"{spec.price_text(row.ticks)}",'
        f'"q":"{spec.quantity_text(row.steps)}","X":"MARKET","m":{maker}}}'
    )


def aggregate_trade(spec: Spec, row: Trade, now: int) -> str:
    """Print one aggregate trade."""
    maker = "true" if row.buyer_is_maker else "false"
    return (
        f'{{"e":"aggTrade","E":{now},"a":{row.id},"s":"{spec.symbol}","p":"{spec.price_text(row.ticks)}",'
        f'"q":"{spec.quantity_text(row.steps)}","f":{row.first_id},"l":{row.last_id},"T":{row.at_ms},"m":{maker}}}'
    )


def forced_order(spec: Spec, row: Order, now: int) -> str:
    """Print the order of a liquidation."""
    quantity = plain(row.executed)
    return (
        f'{{"e":"forceOrder","E":{now},"o":{{"s":"{spec.symbol}"{_pair(spec)},"S":"{row.side}","o":"LIMIT","f":"IOC",'
        f'"q":"{quantity}","p":"{plain(row.average_price)}","ap":"{plain(row.average_price)}","X":"FILLED",'
        f'"l":"{quantity}","z":"{quantity}","T":{row.updated_ms}}}}}'
    )


def mark_price(market: Market) -> str:
    """Print mark, index and the funding to come."""
    prices, mark = market.prices, fixed(market.mark)
    return (
        f'{{"e":"markPriceUpdate","E":{market.now_ms},"s":"{market.spec.symbol}","p":"{mark}",'
        f'"P":"{fixed(prices.index)}","i":"{fixed(prices.index)}","r":"{fixed(market.funding_rate)}",'
        f'"T":{market.next_funding_ms}}}'
    )


def sums(spec: Spec, bars: Sequence[Bar]) -> tuple[Decimal, Decimal]:
    """Give the volume of bars (in contracts when inverse, else in the coin) and its value in the other unit."""
    volume = spec.quantity(sum(bar.steps for bar in bars))
    if spec.inverse:
        coin = sum((spec.quantity(bar.steps) * spec.contract_size / spec.price(bar.close) for bar in bars), Decimal(0))
        return volume, money(coin)
    quote = Decimal(sum(bar.quote for bar in bars)).scaleb(-spec.price_decimals - spec.quantity_decimals)
    return volume, quote


def day_ticker(market: Market, *, mini: bool = False) -> str | None:
    """Print the rolling day's statistics, or None before the first trade."""
    spec, now, bars = market.spec, market.now_ms, market.day()
    if not bars:
        return None
    first, last = bars[0], bars[-1]
    volume, value = sums(spec, bars)
    head = f'"E":{now},"s":"{spec.symbol}"{_pair(spec)}'
    prices = (
        f'"c":"{spec.price_text(last.close)}","o":"{spec.price_text(first.open)}",'
        f'"h":"{spec.price_text(max(bar.high for bar in bars))}","l":"{spec.price_text(min(bar.low for bar in bars))}",'
        f'"v":"{plain(volume)}","q":"{plain(value)}"'
    )
    if mini:
        return f'{{"e":"24hrMiniTicker",{head},{prices}}}'
    change = spec.price(last.close) - spec.price(first.open)
    average = average_price(spec, volume, value)
    return (
        f'{{"e":"24hrTicker",{head},"p":"{change}","P":"{fixed(change / spec.price(first.open) * 100, 3)}",'
        f'"w":"{fixed(average, spec.price_decimals)}","Q":"{spec.quantity_text(market.aggregates[-1].steps)}",'
        f'{prices},"O":{first.open_ms},"C":{now},"F":{market.trades[0].id if market.trades else 0},'
        f'"L":{market.trades[-1].id if market.trades else 0},"n":{sum(bar.trades for bar in bars)}}}'
    )


def average_price(spec: Spec, volume: Decimal, value: Decimal) -> Decimal:
    """Give the volume-weighted average price of a volume and its value as `sums` gives them."""
    if not volume or not value:
        return Decimal(0)
    return volume * spec.contract_size / value if spec.inverse else value / volume


def combined(stream: str, text: str) -> str:
    """Wrap a message as the /stream endpoint sends it."""
    return f'{{"stream":"{stream}","data":{text}}}'
