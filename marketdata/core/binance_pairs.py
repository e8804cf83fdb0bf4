"""Binance's pairs: the exchangeInfo of its spot market in our spelling.  rows -> Instruments

Source: Binance's spot API documentation, exchangeInfo. A pair is linear arithmetic: a quantity is of the base, and what
it is worth is in the quote. The venue writes assets in capitals, we do not (stETH): a row is taken for our symbol that
differs from it by capitals alone.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from hedgeapp.core.amounts import ONE
from hedgeapp.core.instruments import Instrument
from marketdata.core.reference import ReferenceContradicts, filter_of, positive

Row = Mapping[str, Any]

END: Final = "-SPOT"


def venue_symbol_of(symbol: str) -> str:
    """Return what the venue calls a pair that we call so: ETH-USDT-SPOT is ETHUSDT."""
    return symbol.removesuffix(END).replace("-", "").upper()


def instruments(
    venue: str, rows: Iterable[Row], *, symbols: Collection[str], assets: Collection[str]
) -> list[Instrument]:
    """Return the instruments of `symbols` (our spelling); `assets` are the known ones.

    Raise ReferenceContradicts with the first field that is missing or does not fit.
    """
    wanted: dict[str, str] = {}
    for symbol in symbols:
        other = wanted.setdefault(symbol.upper(), symbol)
        if other != symbol or not symbol.endswith(END):
            expected = f"a pair like ETH-USDT{END}, once in whatever capitals"
            raise ReferenceContradicts(f"{venue}:{symbol}", "symbol", expected, f"{symbol} and {other}")
    found: dict[str, Instrument] = {}
    for row in rows:
        ours = wanted.get(f"{row.get('baseAsset')}-{row.get('quoteAsset')}{END}".upper())
        if ours is None:
            continue
        if ours in found:
            raise ReferenceContradicts(f"{venue}:{ours}", "symbol", "once", "twice in exchangeInfo")
        found[ours] = _pair(venue, ours, row, assets)
    for symbol in symbols:
        if symbol not in found:
            raise ReferenceContradicts(f"{venue}:{symbol}", "symbol", "a pair of the venue", "none")
    return [found[symbol] for symbol in symbols]


def _pair(venue: str, symbol: str, row: Row, assets: Collection[str]) -> Instrument:
    id_ = f"{venue}:{symbol}"
    base, quote = symbol.removesuffix(END).split("-")
    for field, asset in (("baseAsset", base), ("quoteAsset", quote)):
        if asset not in assets:
            raise ReferenceContradicts(id_, field, f"one of {', '.join(sorted(assets))}", asset)
    if row.get("symbol") != venue_symbol_of(symbol):
        raise ReferenceContradicts(id_, "symbol", venue_symbol_of(symbol), row.get("symbol"))
    return Instrument(
        id=id_,
        venue=venue,
        symbol=symbol,
        venue_symbol=venue_symbol_of(symbol),
        kind="linear",
        expiry="spot",
        base=base,
        quote=quote,
        settlement=quote,
        contract_size=ONE,
        tick_size=positive(id_, "tickSize", filter_of(id_, row, "PRICE_FILTER").get("tickSize")),
        step_size=positive(id_, "stepSize", filter_of(id_, row, "LOT_SIZE").get("stepSize")),
        is_trading=row.get("status") == "TRADING",
    )
