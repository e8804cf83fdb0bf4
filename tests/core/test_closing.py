"""Who may close a break: two people wherever taking or leaving their word makes the book look better."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.differences import Difference
from hedgeapp.core.events.breaks import Closing
from portfolio.core.valuation import Valuation
from reconciliation.core.closing import needs_two, taken_over
from reconciliation.core.compare import Mismatch, mismatches, stated
from reconciliation.core.ours import fill_values
from reconciliation.core.sizes import sized
from tests.builders.books import AT, INVERSE, LINEAR, book_of, common, fill
from tests.builders.breaks import SUBJECT, difference

D = Decimal
NET: dict[str, Decimal | None] = {"ETH": D(-10), "USDT": D(1_000_000), "BTC": D(0)}


def valuation(price: str = "2000") -> Valuation:
    return Valuation(book_of(), common(price), AT)


def a_balance(asset: str, amount: str) -> Difference:
    theirs, ours = (D(5_000) + D(amount),), (D(5_000),)
    (found,) = mismatches("balance", {asset: ours}, {asset: theirs})
    return sized(SUBJECT, "binance-usdm", "balance", found, valuation())


def a_fill(**changed: Any) -> Difference:
    missed = fill(**{"side": "buy", "quantity": "2", "price": "2000", "fee": "1"} | changed)
    item = f"{missed.instrument}:{missed.trade_id}"
    found = Mismatch(item=item, ours=None, theirs=fill_values(missed), amount=None)
    return sized(SUBJECT, "binance-usdm", "fill", found, valuation())


@pytest.mark.parametrize(
    ("amount", "closing", "why"),
    [
        ("250", "heal", "it raises backing by 250.00 USD"),
        ("250", "accept", "it cuts the delta of USDT"),  # what is not taken leaves less of the stablecoin
        ("-250", "accept", "it raises backing by 250.00 USD"),
        ("-250", "heal", "it cuts the delta of USDT"),
    ],
)
def test_a_balance_that_looks_better_by_it_takes_two(amount: str, closing: Closing, why: str) -> None:
    assert needs_two(a_balance("USDT", amount), closing, NET, valuation()).startswith(why)


def test_less_coin_in_a_short_book_takes_one() -> None:
    assert needs_two(a_balance("ETH", "-1"), "heal", NET, valuation()) == ""


def test_more_coin_in_a_short_book_takes_two_either_way() -> None:
    assert needs_two(a_balance("ETH", "1"), "heal", NET, valuation()).startswith("it raises backing by 2,000.00")
    assert needs_two(a_balance("ETH", "1"), "accept", NET, valuation()) == ""  # further from flat, and worth less


@given(st.sampled_from(["ETH", "USDT", "BTC"]), st.decimals(min_value=-1000, max_value=1000, places=2).filter(bool))
def test_healing_and_accepting_never_both_pass_with_one_person_unless_both_are_worse(
    asset: str, amount: Decimal
) -> None:
    found = a_balance(asset, str(amount))
    heal, accept = (needs_two(found, closing, NET, valuation()) for closing in ("heal", "accept"))
    assert heal or accept


def test_what_nobody_can_size_takes_two() -> None:
    found = difference(item="DOGE", unit="DOGE", usd=None)
    assert needs_two(found, "heal", NET, valuation()) == "its effect on backing cannot be sized"
    assert needs_two(difference(kind="mode", amount=None), "accept", NET, valuation())


def test_without_the_net_exposure_nobody_can_say_that_delta_is_not_cut() -> None:
    without: dict[str, Decimal | None] = {"ETH": None}
    assert "not known" in needs_two(a_balance("ETH", "-1"), "heal", without, valuation())


def test_a_missed_fill_towards_flat_takes_two_and_one_away_from_it_one() -> None:
    assert needs_two(a_fill(), "heal", NET, valuation()).startswith("it cuts the delta of ETH from -10")
    assert needs_two(a_fill(side="sell"), "heal", NET, valuation()) == ""


def test_a_missed_fill_that_has_gained_since_takes_two() -> None:
    found = a_fill(side="sell", price="2100")
    assert needs_two(found, "heal", NET, valuation()).startswith("it raises backing by 199.00 USD")


def test_an_inverse_fill_counts_its_coin() -> None:
    effect = taken_over(a_fill(instrument=INVERSE, quantity="100", fee="0", fee_asset="ETH"), valuation())
    assert (effect.currency, effect.delta) == ("ETH", D("0.5"))  # 100 contracts of 10 USD at 2,000
    assert effect.backing_usd == 0


def test_an_order_that_rests_changes_nothing() -> None:
    found = difference(kind="open_order", amount=None)
    assert needs_two(found, "accept", NET, valuation()) == ""


@pytest.mark.parametrize(
    ("name", "contracts", "usd"), [(LINEAR, "3", "6000"), (INVERSE, "-7", "70"), (LINEAR, "-0.5", "1000")]
)
def test_a_position_is_sized_at_its_mark(name: str, contracts: str, usd: str) -> None:
    (found,) = mismatches("position", {}, {name: (D(contracts),)})
    made = sized(SUBJECT, "binance-usdm", "position", found, valuation())
    assert (made.usd, made.amount, made.unit, made.because) == (D(usd), D(contracts), "contracts", "")


def test_what_has_no_mark_says_that_it_is_not_known_and_why() -> None:
    (found,) = mismatches("position", {}, {"binance-usdm:SOL-USDT-PERP": (D(1),)})
    made = sized(SUBJECT, "binance-usdm", "position", found, valuation())
    assert made.usd is None
    assert "SOL-USDT-PERP is not known" in made.because


def test_a_statement_is_told_with_all_its_digits() -> None:
    assert stated("balance", (D("1.000000000000000001"),)) == (("total", "1.000000000000000001"),)
