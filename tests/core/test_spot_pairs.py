"""A spot pair is followed for its price alone: nothing held, hedged, priced or ordered takes it for a contract."""

from dataclasses import fields, replace

import pytest

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.reference import AccountChanged, VenueChanged
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Account, Venue
from portfolio.core.book import Book
from portfolio.core.exposure import exposure
from portfolio.core.frames import frame
from portfolio.core.hedge_choices import Scene
from portfolio.core.hedging import stances
from portfolio.core.inspection import findings
from portfolio.core.margin import margin_rows
from portfolio.core.order_checks import refusals
from portfolio.core.pnl import valued_positions
from portfolio.core.price_market import Market
from portfolio.core.tickets import draft, places
from portfolio.core.valuation import Marks, Valuation
from tests.builders.books import (
    AT,
    COINM,
    USDM,
    D,
    balance,
    book_of,
    collateral,
    common,
    introduced,
    limit,
    mark,
    marks_of,
    opening,
)
from tests.builders.desk import tell
from tests.builders.orders import intended
from tests.builders.spot import PAIR

STAKED = replace(
    PAIR, id="binance-spot:stETH-ETH-SPOT", symbol="stETH-ETH-SPOT", venue_symbol="STETHETH", base="stETH", quote="ETH",
    settlement="ETH",
)  # fmt: skip
SPOT = "binance-spot:main"
LIMITS = (limit("order_size_max", "ETH", "40"), limit("price_collar", "ETH", "30"))


def book() -> Book:
    """Return a book without pairs."""
    return book_of(
        collateral("stETH", "700"),
        balance(USDM, "USDT", "200000"),
        balance(COINM, "ETH", "50"),
        opening("-500", "2000"),
        *LIMITS,
    )


def with_pairs() -> Book:
    """Return the same book, with pairs and an account that names them, even one that is enabled."""
    venue = Venue(name="binance-spot", protocol="binance-spot", rest_url="", ws_url="")
    account = Account(name=SPOT, venue=venue.name, label="pairs", instruments=(PAIR.symbol, STAKED.symbol))
    return tell(
        book(),
        VenueChanged(at=AT, venue=venue, version=1, by="seed"),
        AccountChanged(at=AT, account=account, version=1, by="seed"),
        introduced(PAIR),
        introduced(STAKED),
    )


def marks(*pairs: Instrument) -> Marks:
    """Return marks, also such of pairs as no feed ever sends."""
    of_pairs = [
        mark(one.id, kind, "1000" if one is PAIR else "0.9")
        for one in pairs
        for kind in ("bid", "ask", "mark", "index", "funding_rate")
    ]
    return common("2000") | marks_of(*of_pairs)


def test_no_figure_of_a_frame_is_another_with_pairs_in_the_catalogue() -> None:
    plain = frame(book(), marks(), (), number=1, at=AT)
    paired = frame(with_pairs(), marks(PAIR, STAKED), (), number=1, at=AT)
    differing = {one.name for one in fields(plain) if getattr(plain, one.name) != getattr(paired, one.name)}
    assert differing <= {"seq", "events", "feeds", "marks", "kpis"}
    assert [one for one in paired.kpis if one.key != "feeds"] == [one for one in plain.kpis if one.key != "feeds"]


def test_no_hedge_margin_or_suspension_comes_of_a_pair() -> None:
    ours, theirs = (book(), marks()), (with_pairs(), marks(PAIR, STAKED))
    plain, paired = Valuation(*ours, AT), Valuation(*theirs, AT)
    assert margin_rows(valued_positions(paired), paired) == margin_rows(valued_positions(plain), plain)
    assert findings(paired) == findings(plain)
    assert paired.usd("ETH") == plain.usd("ETH")
    assert paired.usd("stETH") == plain.usd("stETH")
    assert exposure(*theirs, AT) == exposure(*ours, AT)
    hedges = [stances(book, exposure(book, marks, AT), marks, AT) for book, marks in (ours, theirs)]
    assert hedges[0] == hedges[1]


@pytest.mark.parametrize("asset", ["ETH", "stETH", "USDT", "BTC"])
def test_a_currency_is_cash_with_pairs_as_it_is_without(asset: str) -> None:
    made = [Market(Valuation(of, marks(), AT), {}, {}) for of in (book(), with_pairs())]
    assert made[0].is_cash(asset) == made[1].is_cash(asset)


@pytest.mark.parametrize("pair", [PAIR, STAKED])
def test_a_ticket_offers_no_pair_though_one_asks_for_it(pair: Instrument) -> None:
    of, at = with_pairs(), marks(PAIR, STAKED)
    scene = Scene(book=of, marks=at, at=AT, feeds=(), valuation=Valuation(of, at, AT))
    found = draft("ETH", scene, account=SPOT, instrument=pair.id)
    assert found.place is None or found.place.instrument.is_contract
    assert all(one.instrument.is_contract for one in places("ETH", of.catalogue))


@pytest.mark.parametrize("pair", [PAIR, STAKED])
def test_an_order_for_a_pair_is_refused_in_a_sentence(pair: Instrument) -> None:
    order = intended(account=SPOT, instrument=pair.id, quantity=D(1), price=D(1000))
    found = refusals(order, with_pairs(), marks(PAIR, STAKED), AT)
    assert [one.said for one in found if one.value == "spot pair"] == [
        f"a contract expected, found {pair.id}, a spot pair without positions: choose another"
    ]


def test_the_contracts_of_a_catalogue_are_all_instruments_but_pairs() -> None:
    catalogue = with_pairs().catalogue
    assert set(catalogue.instruments) - {one.id for one in catalogue.contracts} == {PAIR.id, STAKED.id}
    assert all(one.contract_size > ZERO for one in catalogue.contracts)
