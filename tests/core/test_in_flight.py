"""Work in flight: it accounts for as much as its orders may still bring, until they have settled."""

from datetime import timedelta
from decimal import Decimal

from portfolio.core.orders import Orders
from reconciliation.core.compare import mismatches
from reconciliation.core.in_flight import SETTLES_IN, UNKNOWN_SETTLES_IN, InFlight, of_orders
from tests.builders.orders import ACCOUNT, AT, ETH, VENUE_ID, intended, seen, sent

D = Decimal


def under_way(*, is_seen: bool = False) -> list[InFlight]:
    """Return what an order to sell 5 contracts accounts for."""
    orders = Orders()
    orders.apply(intended(), 1, AT)
    orders.apply(sent(), 2, AT)
    if is_seen:
        orders.seen(seen(), 3)
    return of_orders(orders.under_way(), ACCOUNT)


def explained(work: list[InFlight], contracts: str, at: timedelta = timedelta(0)) -> bool:
    (found,) = mismatches("position", {}, {ETH: (D(contracts),)})
    return any(one.explains("position", found, AT + at) for one in work)


def test_any_part_of_an_order_that_was_sent_may_be_there_already() -> None:
    assert [explained(under_way(), contracts) for contracts in ("-5", "-0.001")] == [True, True]


def test_more_than_the_order_or_the_other_way_is_not_explained() -> None:
    assert [explained(under_way(), contracts) for contracts in ("-5.001", "0.001")] == [False, False]


def test_an_order_without_a_word_is_waited_for_longer_than_one_that_was_seen() -> None:
    assert explained(under_way(), "-5", UNKNOWN_SETTLES_IN - timedelta(seconds=1))
    assert not explained(under_way(), "-5", UNKNOWN_SETTLES_IN)
    assert explained(under_way(is_seen=True), "-5", SETTLES_IN - timedelta(seconds=1))
    assert not explained(under_way(is_seen=True), "-5", SETTLES_IN)


def test_an_order_that_one_side_has_heard_of_first_is_explained_by_itself() -> None:
    item = f"{ETH}:{VENUE_ID}"
    (found,) = mismatches("open_order", {}, {item: ("sell", D("2990.10"), D(5), D(0), "x")})
    assert any(one.explains("open_order", found, AT) for one in under_way(is_seen=True))
    (other,) = mismatches("open_order", {}, {f"{ETH}:1": ("sell", D("2990.10"), D(5), D(0), "x")})
    assert not any(one.explains("open_order", other, AT) for one in under_way(is_seen=True))


def test_an_order_that_was_not_sent_accounts_for_nothing() -> None:
    orders = Orders()
    orders.apply(intended(), 1, AT)
    assert of_orders(orders.under_way(), ACCOUNT) == []


def test_orders_of_another_account_account_for_nothing() -> None:
    orders = Orders()
    orders.apply(intended(), 1, AT)
    orders.apply(sent(), 2, AT)
    assert of_orders(orders.under_way(), "binance-usdm:reserve") == []
