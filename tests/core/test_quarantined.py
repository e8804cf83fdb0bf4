"""What a quarantined source said: shown, believed by nobody, and no reason to be open."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from marketdata.core.asset_prices import asset_mark
from marketdata.core.asset_quotes import asset_marks
from portfolio.core.frames import Frame, frame
from portfolio.core.minting_watch import BROKEN
from portfolio.core.valuation import Valuation
from tests.builders.books import AT, COINM, LINEAR, USDM, book_of, common, health, mark
from tests.core.test_asset_prices import quote
from tests.core.test_frames import FEEDS, MARKETS, hedged

SAID = "quarantined: at most 2 refused messages within 120 s expected, found 3 of 9"


def seen(quarantined: str) -> Frame:
    """Return a frame in which one feed is quarantined, and heard all the same."""
    feeds = [health(feed, AT) for feed in (*FEEDS, *MARKETS)]
    told = [replace(one, quarantined=SAID) if one.feed == quarantined else one for one in feeds]
    return frame(hedged(), common("2000", at=AT), told, number=1, at=AT)


@pytest.mark.parametrize("feed", [f"account:{USDM}", f"account:{COINM}"])
def test_what_a_quarantined_account_states_is_stale_by_name_and_the_other_ones_is_not(feed: str) -> None:
    balances = {f"account:{row.account}": row.total for row in seen(feed).balances}
    assert {name: figure.state for name, figure in balances.items() if name != feed} == {
        name: "live" for name in balances if name != feed
    }
    assert balances[feed].state == "stale"
    assert balances[feed].value is not None
    assert f"is not used: {feed} is {SAID}" in balances[feed].because


@pytest.mark.parametrize("feed", [f"account:{USDM}", "custodian:ceffu"])
def test_no_net_exposure_is_current_while_a_part_of_it_is_not_believed(feed: str) -> None:
    ether = next(one for one in seen(feed).exposure if one.currency == "ETH")
    assert (ether.net.is_current, ether.band_state) == (False, "unknown")
    assert SAID in ether.net.because


@pytest.mark.parametrize("feed", FEEDS)
def test_a_quarantined_feed_is_a_fault_that_pauses_mint_and_redeem(feed: str) -> None:
    (row,) = [one for one in seen(feed).feeds if one.feed == feed]
    assert (row.condition, row.because) == ("quarantined", SAID)
    assert row.condition in BROKEN


def test_a_mark_of_before_is_not_used_while_its_source_is_quarantined() -> None:
    rate = mark(LINEAR, "mark", "2000", at=AT)
    source = replace(health("chain:ethereum", AT), quarantined=SAID)
    found = Valuation(book_of(), {(LINEAR, "mark"): replace(rate, source="chain:ethereum")}, AT, [source]).mark(
        LINEAR, "mark"
    )
    assert (found.state, SAID in found.because) == ("stale", True)


def test_a_quarantined_oracle_has_no_vote_and_alone_makes_no_mark() -> None:
    doubted = replace(quote("pyth", "3100"), suspect=SAID)
    both = asset_mark("ETH", [doubted, quote("redstone", "3000")], AT)
    alone = asset_mark("ETH", [doubted], AT)
    assert both is not None
    assert alone is not None
    assert (both.value, both.source, both.suspect) == (Decimal(3000), "redstone", "")
    assert SAID in alone.suspect


def test_the_pool_of_a_quarantined_chain_has_no_vote() -> None:
    rate = replace(mark("stETH", "pool_rate", "0.5", at=AT - timedelta(seconds=1)), source="chain:ethereum")
    quotes = [quote("pyth", "3000"), quote("pyth", "2990", asset="stETH")]
    underlying = {"ETH": "ETH", "stETH": "ETH"}
    believed = {one.subject: one for one in asset_marks(quotes, [rate], underlying, AT)}["stETH"]
    doubted = {one.subject: one for one in asset_marks(quotes, [replace(rate, suspect=SAID)], underlying, AT)}["stETH"]
    assert "chain:ethereum" in believed.proof + believed.source
    assert "chain:ethereum" not in doubted.proof + doubted.source
    assert doubted.suspect == ""
