"""The tape is bounded, and its numbers tell what did not arrive."""

from hypothesis import given
from hypothesis import strategies as st

from marketdata.core.tape import REFUSED_MAX, ROWS_MAX, Batch, Losses, RefusedSeen, Roll, TradeSeen


def trade(number: int) -> TradeSeen:
    return TradeSeen(
        instrument="v:ETH", at_ms=1, received_ms=2, trade_id=str(number), side="buy", price=1.0, quantity=1.0
    )


def refused(number: int) -> RefusedSeen:
    return RefusedSeen(kind="malformed", fault=f"fault {number}", received_ms=1, raw=b"{")


def taken(roll: Roll, run: str = "run") -> Batch:
    batch = roll.taken("feed:v", run)
    assert batch is not None
    return batch


def test_nothing_is_handed_over_when_nothing_was_seen() -> None:
    roll = Roll()
    assert roll.taken("feed:v", "run") is None
    roll.trade(trade(1))
    taken(roll)
    assert roll.taken("feed:v", "run") is None


def test_the_oldest_trades_and_the_latest_refusals_give_way() -> None:
    roll = Roll()
    for number in range(ROWS_MAX + 5):
        roll.trade(trade(number))
    for number in range(REFUSED_MAX + 5):
        roll.refused(refused(number))
    batch = taken(roll)
    assert [one.trade_id for one in batch.trades[:1]] == ["5"]
    assert [one.fault for one in batch.refused[-1:]] == [f"fault {REFUSED_MAX - 1}"]
    assert Losses().hear(batch) == 10


@given(
    offered=st.lists(st.integers(0, 2 * ROWS_MAX), max_size=6),
    arrives=st.lists(st.booleans(), min_size=6, max_size=6),
    restarted=st.integers(0, 6),
)
def test_every_row_that_was_offered_arrives_or_is_counted_as_lost(
    offered: list[int], arrives: list[bool], restarted: int
) -> None:
    roll, losses, arrived, last = Roll(), Losses(), 0, 0
    for number, count in enumerate(offered):
        if number == restarted:  # the recorder begins anew from what it noted
            losses = Losses(dict(losses.followed))
        for one in range(count):
            roll.trade(trade(one))
        batch = roll.taken("feed:v", "run")
        if batch is not None and arrives[number]:
            last = batch.next
            arrived += len(batch.trades) + losses.hear(batch)
    assert arrived == last


def test_what_a_new_run_lost_before_it_was_heard_is_counted() -> None:
    losses = Losses({"feed:v": ("old", 50)})
    assert losses.hear(Batch(feed="feed:v", run="new", first=3, trades=(trade(1),))) == 3
    assert losses.lost == {"feed:v": 3}
    assert losses.followed == {"feed:v": ("new", 4)}
