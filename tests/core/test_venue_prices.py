"""Venue prices: one voice for each house and asset, in USD, of indexes that nobody doubts."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hedgeapp.core.marks import Mark
from hedgeapp.core.reference import Venue
from marketdata.core.asset_prices import PriceQuote
from marketdata.core.asset_quotes import asset_marks
from marketdata.core.venue_prices import Voice, venue_quotes, voices
from tests.builders.books import AT as NOW
from tests.builders.deribit import ETH as INVERSE

D = Decimal
LINEAR = replace(
    INVERSE,
    id="usdm:ETH-USDT-PERP",
    venue="usdm",
    kind="linear",
    quote="USDT",
    settlement="USDT",
    symbol="ETH-USDT-PERP",
)
KNOWN = {
    "usdm:ETH-USDT-PERP": Voice(asset="ETH", currency="USDT", house="binance"),
    "coinm:ETH-USD-PERP": Voice(asset="ETH", currency="USD", house="binance"),
    "okx:ETH-USDT-PERP": Voice(asset="ETH", currency="USDT", house="okx"),
}


def index(subject: str, value: str, *, age_s: float = 0, suspect: str = "") -> Mark:
    at = NOW - timedelta(seconds=age_s)
    source = subject.partition(":")[0]
    return Mark(subject=subject, kind="index", value=D(value), at=at, received_at=at, source=source, suspect=suspect)


def usd(asset: str, value: str, suspect: str = "") -> dict[str, Mark]:
    return {
        asset: Mark(
            subject=asset,
            kind="usd",
            value=D(value),
            at=NOW,
            received_at=NOW,
            source="pyth",
            conf=D("0.001"),
            suspect=suspect,
        )
    }


def said(*marks: Mark, coins: dict[str, Mark] | None = None) -> list[tuple[str, D]]:
    return [(one.source, one.value) for one in venue_quotes("ETH", marks, KNOWN, coins or {})]


def venue(name: str, protocol: str, *, is_enabled: bool = True) -> dict[str, Venue]:
    return {name: Venue(name=name, protocol=protocol, rest_url="http://x", ws_url="ws://x", is_enabled=is_enabled)}


def test_a_house_of_two_venues_speaks_once_and_in_dollars_where_it_can() -> None:
    marks = index("usdm:ETH-USDT-PERP", "3004"), index("coinm:ETH-USD-PERP", "3001", age_s=2)
    assert said(*marks, coins=usd("USDT", "1")) == [("binance", D(3001))]


def test_an_index_in_a_stablecoin_is_worth_what_that_is_and_as_unsure() -> None:
    (quote,) = venue_quotes("ETH", [index("okx:ETH-USDT-PERP", "3000")], KNOWN, usd("USDT", "0.998"))
    assert (quote.value, quote.conf, quote.proof) == (D("2994.000"), D("3.000"), "")


def test_without_a_stablecoins_price_its_indexes_are_not_heard() -> None:
    mark = index("okx:ETH-USDT-PERP", "3000")
    assert said(mark) == said(mark, coins=usd("USDT", "1", suspect="sources disagree")) == []


def test_a_doubted_feed_and_a_stranger_are_not_heard() -> None:
    assert said(index("coinm:ETH-USD-PERP", "3000", suspect="quarantined"), index("gate:ETH-USD-PERP", "3000")) == []


def test_only_houses_whose_frames_we_read_ourselves_have_a_voice() -> None:
    assert voices([INVERSE], venue("deribit", "deribit")) == {
        INVERSE.id: Voice(asset="ETH", currency="USD", house="deribit")
    }
    assert voices([LINEAR], venue("usdm", "binance-usdm"))[LINEAR.id].house == "binance"
    assert voices([INVERSE], venue("deribit", "ccxt-gate")) == {}
    assert voices([INVERSE], venue("deribit", "deribit", is_enabled=False)) == {}
    assert voices([INVERSE], {}) == {}


def test_the_stablecoin_is_marked_before_what_is_told_in_it_and_no_asset_without_an_oracle() -> None:
    known = {
        name: PriceQuote(
            asset=name,
            source="pyth",
            protocol="pyth",
            value=D(value),
            conf=D(0),
            at=NOW,
            received_at=NOW,
            proof="signed",
        )
        for name, value in (("ETH", "3000"), ("USDT", "1"))
    }
    marks = [index("okx:ETH-USDT-PERP", "3001"), index("okx:BTC-USDT-PERP", "96000")]
    heard = KNOWN | {"okx:BTC-USDT-PERP": Voice(asset="BTC", currency="USDT", house="okx")}
    made = {one.subject: one.source for one in asset_marks(known.values(), marks, {}, NOW, heard)}
    assert made == {"USDT": "pyth", "ETH": "okx+pyth"}
