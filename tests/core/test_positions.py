"""Positions: entry, realized and total PnL, fill by fill."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.trading import FillRecorded
from portfolio.core.positions import FILLS_KEPT, OpeningCameTooLate, Position, order_of
from tests.builders.books import AT, INVERSE, LINEAR, USDM, D, fill, opening
from tests.strategies import fills, prices


def folded(given_fills: list[FillRecorded], name: str = LINEAR, contract_size: str = "1") -> Position:
    position = Position(USDM, name, "inverse" if name == INVERSE else "linear", AT)
    for one in given_fills:
        position.fill((one,), D(contract_size))
    return position


def trades(*legs: tuple[str, str, str], name: str = LINEAR) -> list[FillRecorded]:
    return [
        fill(side, quantity, price, trade_id=str(place), at=AT + timedelta(seconds=place), instrument=name)  # type: ignore[arg-type]
        for place, (side, quantity, price) in enumerate(legs, 1)
    ]


def test_a_linear_entry_is_the_arithmetic_average() -> None:
    assert folded(trades(("buy", "1", "2000"), ("buy", "3", "3000"))).entry_price == D(2750)


def test_an_inverse_entry_is_the_harmonic_average() -> None:
    # Bybit, "P&L calculations (Inverse)": 1000 at 5000 plus 2000 at 6000 gives 5625.
    found = folded(trades(("buy", "1000", "5000"), ("buy", "2000", "6000"), name=INVERSE), INVERSE).entry_price
    assert found is not None
    assert abs(found - 5625) < D("1e-12")


def test_a_partial_close_keeps_the_entry_and_realizes_the_difference() -> None:
    position = folded(trades(("buy", "4", "2000"), ("sell", "1", "2600")))
    assert (position.entry_price, position.realized, position.size) == (D(2000), D(600), D(3))


def test_a_flip_closes_at_its_price_and_opens_the_rest_there() -> None:
    position = folded(trades(("buy", "4", "2000"), ("sell", "10", "2500")))
    assert (position.entry_price, position.realized, position.size) == (D(2500), D(2000), D(-6))


def test_a_close_to_zero_leaves_no_entry() -> None:
    position = folded(trades(("sell", "30000", "3000"), ("buy", "30000", "2500"), name=INVERSE), INVERSE)
    assert (position.size, position.entry_value, position.entry_price) == (D(0), D(0), None)
    assert position.realized == 2  # 30,000 · (1/2,500 − 1/3,000) coin


def test_a_position_opened_again_is_as_old_as_its_last_opening() -> None:
    position = folded(trades(("buy", "1", "2000"), ("sell", "1", "2100"), ("sell", "2", "2200"), ("sell", "1", "2300")))
    assert position.opened_at == AT + timedelta(seconds=3)
    assert position.updated_at == AT + timedelta(seconds=4)


@pytest.mark.parametrize(
    ("quantity", "entry", "mark", "gain"),
    [("1", "1", "0.1", "9"), ("1", "1", "100", "-0.99"), ("60000", "50000", "50000", "0")],
)
def test_a_short_of_one_dollar_gains_and_loses_coin(quantity: str, entry: str, mark: str, gain: str) -> None:
    position = folded([fill("sell", quantity, entry, instrument=INVERSE)], INVERSE)
    assert position.total_pnl(D(mark)) == D(gain)


@pytest.mark.parametrize(("mark", "gain"), [("11000", "0.4545"), ("9000", "-0.5556")])
def test_a_long_of_fifty_thousand_dollars_gains_and_loses_coin(mark: str, gain: str) -> None:
    position = folded([fill("buy", "50000", "10000", instrument=INVERSE)], INVERSE)
    assert round(position.total_pnl(D(mark)), 4) == D(gain)


def test_ten_ether_short_gain_eighteen_thousand_dollars_when_ether_falls_by_ninety_percent() -> None:
    assert folded([fill("sell", "10", "2000")]).total_pnl(D(200)) == 18_000


@pytest.mark.parametrize("name", [LINEAR, INVERSE])
@given(data=st.data())
def test_shuffled_and_duplicated_fills_give_the_same_quantity_entry_and_total(name: str, data: st.DataObject) -> None:
    given_fills = data.draw(fills(name))
    mark = data.draw(prices)
    again = [
        *given_fills,
        *data.draw(st.lists(st.sampled_from(given_fills), max_size=10) if given_fills else st.just([])),
    ]
    shuffled = data.draw(st.permutations(again))
    straight, other = folded(given_fills, name), folded(shuffled, name)
    assert other.total_pnl(mark) == straight.total_pnl(mark)
    assert (other.quantity, other.size, other.fees) == (straight.quantity, straight.size, straight.fees)
    # Late fills are put in their place, so even the parts that depend on the order are equal.
    assert other.state() == straight.state()
    assert other.entry_price == straight.entry_price


@pytest.mark.parametrize("name", [LINEAR, INVERSE])
@given(data=st.data())
def test_fills_of_one_moment_are_folded_as_their_venue_places_them(name: str, data: st.DataObject) -> None:
    one = st.tuples(st.sampled_from(["buy", "sell"]), st.lists(st.integers(1, 999).map(D), min_size=1, max_size=4))
    legs = data.draw(st.lists(one, min_size=1, max_size=5))
    ids = iter(data.draw(st.permutations(range(100, 130))))
    inner, later = list[FillRecorded](), list[FillRecorded]()
    for number, (side, parts) in enumerate(legs, 1):
        for place, part in enumerate(parts):
            made = fill(side, part, data.draw(prices), trade_id=str(next(ids)), instrument=name)  # type: ignore[arg-type]
            left = sum(parts[place + 1 :], start=D(0))
            inner.append(replace(made, sequence=number, left=left, venue_order_id=str(number)))
            later.append(replace(made, trade_id=str(len(later)), at=AT + timedelta(seconds=len(later))))
    straight, shuffled = folded(later, name), folded(data.draw(st.permutations(inner)), name)
    assert shuffled.held[:-1] == straight.held[:-1]  # all but when it opened


def test_one_match_that_crosses_zero_closes_with_the_fills_that_came_first() -> None:
    met = [("2", "2100", "5"), ("3", "2200", "2"), ("2", "2300", "0")]
    sold = [
        replace(fill("sell", quantity, price, trade_id=str(9 - place)), sequence=7, left=D(left))
        for place, (quantity, price, left) in enumerate(met)
    ]
    position = folded([fill("buy", "4", "2000", at=AT - timedelta(seconds=1)), *reversed(sold)])
    assert (position.realized, position.entry_price, position.size) == (D(600), (D(2200) + 2 * D(2300)) / 3, D(-3))


@pytest.mark.parametrize("name", [LINEAR, INVERSE])
def test_the_total_does_not_depend_on_the_order_when_fills_come_too_late_to_be_put_in_their_place(name: str) -> None:
    random = Random(7)
    many = [
        fill(
            random.choice(["buy", "sell"]),
            D(random.randint(1, 999)),
            D(random.randint(100_000, 400_000)) / 100,
            trade_id=str(place),
            at=AT + timedelta(milliseconds=place),
            instrument=name,
        )
        for place in range(4 * FILLS_KEPT)
    ]
    shuffled = random.sample(many, len(many))
    straight, other = folded(many, name), folded(shuffled, name)
    assert other.total_pnl(D("2345.67")) == straight.total_pnl(D("2345.67"))
    assert other.quantity == straight.quantity
    ordered = folded(sorted(shuffled, key=lambda one: order_of(one.at, one.trade_id)), name)
    assert ordered.entry_price == straight.entry_price


@given(fills(INVERSE), prices)
def test_the_total_is_the_sum_of_what_each_fill_gained(given_fills: list[FillRecorded], mark: Decimal) -> None:
    position = folded(given_fills, INVERSE)
    exact = sum(
        (Fraction(one.quantity) * (1 if one.side == "buy" else -1)) * (1 / Fraction(one.price) - 1 / Fraction(mark))
        for one in given_fills
    )
    assert abs(Fraction(position.total_pnl(mark)) - exact) <= Fraction(len(given_fills) + 1, 10**18)


@pytest.mark.parametrize("name", [LINEAR, INVERSE])
@given(data=st.data())
def test_a_position_written_out_and_read_goes_on_as_if_nothing_had_happened(name: str, data: st.DataObject) -> None:
    given_fills = data.draw(fills(name))
    cut = data.draw(st.integers(0, len(given_fills)))
    position = Position.of(folded(given_fills[:cut], name).state())
    for one in given_fills[cut:]:
        position.fill((one,), D(1))
    assert position.state().fills == folded(given_fills, name).state().fills
    assert position.entry_value == folded(given_fills, name).entry_value


def test_a_position_comes_to_the_same_however_often_somebody_looks_and_however_many_come_at_once() -> None:
    random = Random(7)
    many = trades(*((random.choice(["buy", "sell"]), str(random.randint(1, 9)), "2000.1") for _ in range(800)))
    for place in random.sample(range(790), 30):  # come late, some of them later than any that is kept
        many.insert(min(len(many), place + random.randint(5, 400)), many.pop(place))
    watched = folded([])
    for one in many:
        watched.fill((one,), D(1))
        assert watched.held[0] == watched.quantity
    at_once = folded([])
    at_once.fill(many, D(1))
    assert watched.held == folded(many).held == at_once.held
    assert watched.state() == folded(many).state() == at_once.state()


def test_a_trade_id_counts_as_a_number() -> None:
    assert order_of(AT, "999") < order_of(AT, "1000")


def test_fills_inside_an_opening_count_once_whichever_comes_first() -> None:
    first, second = fill("sell", "2", "2000", trade_id="9", fee="1"), fill("sell", "1", "2600", trade_id="10", fee="2")
    begin = opening("-5", "1900", last="9")
    before, after = folded([]), folded([first, second])
    before.open(begin, D(1))
    before.fill((first, second), D(1))
    after.open(begin, D(1))
    after.open(begin, D(1))
    assert before.size == after.size == -6
    assert before.state() == after.state()
    assert before.fees == {"USDT": D(2)}


def test_an_opening_after_too_many_fills_is_refused_by_name() -> None:
    many = [fill("buy", "1", "2000", trade_id=str(i), at=AT + timedelta(seconds=i)) for i in range(2 * FILLS_KEPT + 1)]
    with pytest.raises(OpeningCameTooLate, match="expected before its fills"):
        folded(many).open(opening("5", "2000", last="1"), D(1))


def test_a_settlement_moves_profit_to_cash_and_keeps_the_entry() -> None:
    # Short 1,000,000 USD at 2,000; at 1,600 the venue settles: 125 coin become cash.
    position = folded([fill("sell", "1000000", "2000", instrument=INVERSE)], INVERSE)
    position.settle(D(1600), AT)
    assert (position.settled, position.unsettled(D(1600))) == (D(125), D(0))
    assert (position.entry_price, position.settlement_price) == (D(2000), D(1600))
    assert position.total_pnl(D(1600)) == 125


@given(fills(LINEAR), fills(LINEAR), prices, prices)
def test_settled_and_unsettled_are_exclusive_parts_of_the_total(
    before: list[FillRecorded], after: list[FillRecorded], settled_at: Decimal, mark: Decimal
) -> None:
    position = folded(before)
    position.settle(settled_at, AT)
    for place, one in enumerate(after):
        late = fill(one.side, one.quantity, one.price, trade_id=str(10_000 + place), at=one.at)
        position.fill((late,), D(1))
    assert position.settled + position.unsettled(mark) == position.total_pnl(mark)
