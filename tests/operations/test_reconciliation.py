"""Runs against the sandbox over sockets: what the feed never hears is found, healed by the right people, and again."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from django.db import transaction
from django.db.utils import IntegrityError

from hedgeapp.core.events.anchors import LeverageAnchored
from hedgeapp.core.events.balances import TransferSeen
from hedgeapp.core.events.breaks import BreakEvent, RunEnded, VenueBlocked, VenueFreed
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.eventlog.read import read
from portfolio.queries.books import current_book
from reconciliation.core.breaks import Breaks
from reconciliation.models import Anchor, BreakRow, Run
from reconciliation.operations.breaks import ApproverIsAsker, BreakIsNotOpen, accept_break, heal_break
from reconciliation.projections import break_of
from reconciliation.running import one_at_a_time
from tests.builders.accounts import INSTRUMENTS, MAIN, World, seeded
from tests.builders.reconciling import Desk, current

D = Decimal
SUBJECT = f"account:{MAIN}"
USDT = "USDT"

pytestmark = pytest.mark.timeout(600)  # each run reads a whole statement over sockets


@pytest.fixture
def desk(tmp_path: Path, log_url: str) -> Iterator[Desk]:
    """An account that was read, its balances anchored, and that nobody listens to any more."""
    world = World(tmp_path / "world")
    seeded(world)
    world.start()
    try:
        found = Desk(world, log_url)
        found.contact()
        found.mark("2500")
        assert found.run() == "clean"
        yield found
    finally:
        world.kill()


def test_a_clean_run_says_what_it_compared_and_our_facts_explain_every_balance_to_the_cent(desk: Desk) -> None:
    (ended,) = desk.told(RunEnded)
    assert ended.said == ""
    compared = {one.kind: one for one in ended.compared}
    assert {"position", "balance", "open_order", "fill", "funding", "transfer", "instrument", "mode"} <= set(compared)
    assert compared["fill"].ours == compared["fill"].theirs > 0
    assert all(len(one.digest) == 64 and not one.differing for one in ended.compared)
    assert set(Anchor.objects.values_list("asset", flat=True)) >= {USDT}
    for side, quantity in (("BUY", "1.5"), ("SELL", "0.7"), ("SELL", "2.3"), ("BUY", "0.111")):
        desk.world.fill(MAIN, "ETHUSDT", quantity, side)
    desk.world.act("transfer", account=MAIN, asset=USDT, amount="100")
    desk.contact(transfers=len(desk.told(TransferSeen)) + 1)
    with one_at_a_time(SUBJECT) as is_mine:
        assert is_mine
        assert desk.run() == "busy"
    assert desk.run() == "clean"


def test_a_fill_that_was_dropped_is_found_within_two_runs_with_its_trade_id_and_healed(desk: Desk) -> None:
    before = len(desk.told(FillRecorded))
    desk.world.fill(MAIN, "ETHUSDT", "0.001")  # so little is one trade
    assert desk.run() == "differing"
    assert [one.state for one in current("fill")] == ["seen"]
    assert desk.run() == "differing"
    (missed,) = current("fill")
    assert (missed.state, missed.difference.ours) == ("found", ())
    trade_id = missed.difference.item.rpartition(":")[2]
    assert f'"trade_id":"{trade_id}"' in missed.heal[0].body
    assert missed.difference.usd is not None
    assert missed.difference.usd > 1
    assert [one.state for one in current("position")] == ["found"]

    asked = heal_break(missed.break_id, by="ann", reason="the venue lists it", at=desk.at)
    assert (asked.state, asked.asked_by, bool(asked.needs_two)) == ("found", "ann", True)
    with pytest.raises(ApproverIsAsker):
        heal_break(missed.break_id, by="ann", reason="again", at=desk.at)
    assert heal_break(missed.break_id, by="bob", reason="seen at the venue", at=desk.at).state == "healed"
    fills = desk.told(FillRecorded)
    assert len(fills) == before + 1
    assert fills[-1].trade_id == trade_id

    assert desk.run() == "clean"
    assert [one.state for one in (*current("fill"), *current("position"))] == ["verified", "verified"]
    # The feed reads the same trade later: the log has it once.
    desk.contact()
    assert len(desk.told(FillRecorded)) == before + 1
    assert_rows_are_what_the_log_folds_into(desk.database)


def test_a_balance_changed_behind_our_back_is_found_taken_over_by_two_and_found_again_on_relapse(desk: Desk) -> None:
    desk.world.act("balance", account=MAIN, asset=USDT, amount="1234.5")
    desk.contact()  # the feed repeats what the venue says; that explains nothing
    desk.run()
    desk.run()
    (found,) = current("balance")
    assert (found.state, found.difference.item, found.difference.amount) == ("found", USDT, D("1234.5"))
    assert found.severity == "critical"
    assert current_book().blocking.of("binance-usdm") is not None

    asked = heal_break(found.break_id, by="ann", reason="a rebate", at=desk.at)
    assert (asked.state, asked.asked_by) == ("found", "ann")
    assert asked.needs_two.startswith("it raises backing")
    assert heal_break(found.break_id, by="bob", reason="a rebate", at=desk.at).state == "healed"
    assert desk.run() == "clean"
    assert [one.state for one in current("balance")] == ["verified"]
    assert current_book().blocking.of("binance-usdm") is None
    assert [type(one) for one in desk.told(VenueBlocked, VenueFreed)] == [VenueBlocked, VenueFreed]

    desk.world.act("balance", account=MAIN, asset=USDT, amount="-500")
    desk.run()
    desk.run()
    (again,) = current("balance")
    assert (again.state, again.relapses, again.break_id) == ("reopened", 1, found.break_id)
    assert again.difference.amount == D(-500)
    refuses_a_closing_by_one()
    assert_rows_are_what_the_log_folds_into(desk.database)


def test_an_accepted_difference_is_left_alone_until_it_changes(desk: Desk) -> None:
    desk.world.act("balance", account=MAIN, asset=USDT, amount="-3")
    desk.run()
    desk.run()
    (found,) = current("balance")
    asked = accept_break(found.break_id, by="ann", reason="too small", at=desk.at)
    assert asked.needs_two.startswith("it raises backing")  # ours stays, and it is the better one
    assert accept_break(found.break_id, by="bob", reason="too small", at=desk.at).state == "accepted"
    with pytest.raises(BreakIsNotOpen):
        accept_break(found.break_id, by="bob", reason="too small", at=desk.at)
    assert desk.run() == "differing"
    assert [one.state for one in current("balance")] == ["accepted"]
    desk.world.act("balance", account=MAIN, asset=USDT, amount="-3")
    desk.run()
    desk.run()
    assert [one.state for one in current("balance")] == ["reopened"]
    desk.world.act("down", venue="binance-usdm", down=True)
    assert desk.run() == "failed"
    assert Run.objects.latest("begun_at").said
    assert [one.state for one in current("balance")] == ["reopened"]


def refuses_a_closing_by_one() -> None:
    now = BreakRow.objects.filter(to_seq=None, kind="balance")
    for approved_by in ("", "ann"):
        with pytest.raises(IntegrityError, match="closed_by_two"), transaction.atomic():
            now.update(state="healed", asked_by="ann", approved_by=approved_by, needs_two="it raises backing")


def assert_rows_are_what_the_log_folds_into(database: str) -> None:
    folded = Breaks()
    with psycopg.connect(database, autocommit=True) as raw:
        for one in read(raw):
            if isinstance(one.event, BreakEvent):
                assert folded.apply(one.event, one.seq) == ""
    rows = {row.break_id: break_of(row) for row in BreakRow.objects.filter(to_seq=None)}
    assert rows == {one.break_id: one for one in folded}


def test_a_fill_of_ours_that_the_venue_does_not_list_is_a_break_without_a_heal(desk: Desk) -> None:
    last = desk.told(FillRecorded)[-1]
    strange = FillRecorded(
        at=last.at,
        account=last.account,
        instrument=last.instrument,
        trade_id=str(int(last.trade_id) + 1_000_000),
        venue_order_id="1",
        side="buy",
        price=last.price,
        quantity=D("0.1"),
        fee=D(0),
        fee_asset=USDT,
        is_maker=False,
    )
    desk.append(strange)
    desk.run()
    desk.run()
    (found,) = current("fill")
    assert (found.state, found.difference.theirs, found.heal) == ("found", (), ())


def test_an_account_that_is_margined_otherwise_than_we_reckon_is_a_break_at_once(desk: Desk) -> None:
    desk.world.act("multi-assets", account=MAIN, on=True)
    assert desk.run() == "differing"
    (found,) = current("mode")
    assert (found.state, found.severity, found.difference.item) == ("found", "critical", "assets")
    assert (found.difference.ours, found.difference.theirs) == (
        (("value", "each margins alone"),),
        (("value", "all margin together"),),
    )
    assert current_book().blocking.of("binance-usdm") is not None
    desk.world.act("multi-assets", account=MAIN, on=False)
    assert desk.run() == "clean"
    assert [one.state for one in current("mode")] == ["verified"]
    assert current_book().blocking.of("binance-usdm") is None


def test_a_leverage_that_somebody_changed_at_the_venue_is_a_break_at_once_and_healed_by_two(desk: Desk) -> None:
    name, item = INSTRUMENTS[MAIN]["ETHUSDT"], f"{INSTRUMENTS[MAIN]['ETHUSDT']} leverage"
    assert [one.leverage for one in desk.told(LeverageAnchored) if one.instrument == name] == [D(20)]
    desk.world.act("leverage", account=MAIN, symbol="ETHUSDT", leverage=50)
    assert desk.run() == "differing"
    (found,) = current("mode")
    assert (found.state, found.severity, found.difference.item) == ("found", "critical", item)
    assert (found.difference.ours, found.difference.theirs) == ((("value", "20"),), (("value", "50"),))
    asked = heal_break(found.break_id, by="ann", reason="we wanted it", at=desk.at)
    assert asked.needs_two
    heal_break(found.break_id, by="bob", reason="yes", at=desk.at)
    assert desk.run() == "clean"
    last = [one for one in desk.told(LeverageAnchored) if one.instrument == name][-1]
    assert (last.leverage, last.by, last.break_id) == (D(50), "bob", found.break_id)
    desk.world.act("leverage", account=MAIN, symbol="ETHUSDT", leverage=20)
    desk.run()
    assert [(one.state, one.relapses) for one in current("mode")] == [("reopened", 1)]
