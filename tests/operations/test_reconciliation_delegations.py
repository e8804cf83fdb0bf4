"""Runs against a custodian that mirrors to an exchange: only moves of ours explain what he has to mirror."""

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from hedgeapp.core.events import Event
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.events.moves import MoveDone, MoveIntended, MovePayload
from portfolio.core.move_payloads import payload_hash
from portfolio.core.move_request_ids import move_id, request_id
from reconciliation.core.breaks import Break
from reconciliation.models import DelegationAnchor
from reconciliation.operations.breaks import ApproverIsAsker, heal_break
from tests.builders import moves
from tests.builders.accounts import MAIN, World, seeded
from tests.builders.books import common
from tests.builders.delegating import UNDELEGATION, Custodian
from tests.builders.reconciling import Desk, current

D = Decimal
SUBJECT = "custodian:ceffu"
USDT = "USDT"

pytestmark = pytest.mark.timeout(600)  # each run reads a whole statement over sockets


class Moving(Desk):
    """A sandbox whose custodian mirrors to an account, and runs at times that the test chooses."""

    def __init__(self, world: World, database: str) -> None:
        super().__init__(world, database, SUBJECT)
        keys = json.loads((world.folder / "credentials.json").read_text())["ceffu"]
        self.custodian = Custodian(world.url, keys, world.act)
        self._names = (move_id(f"test:{number}") for number in itertools.count())

    def payload(self, amount: str) -> MovePayload:
        """Return a move of ours: a delegation, an undelegation when it is negative."""
        kind = "delegate" if D(amount) > 0 else "undelegate"
        route = self.custodian.link(MAIN)
        given = {"kind": kind, "asset": USDT, "amount": abs(D(amount)), "route": route}
        return moves.payload(next(self._names), **given, expires_at=self.at + timedelta(hours=4))

    def submitted(self, of: MovePayload) -> list[Event]:
        """Return a move until the custodian may have it."""
        intent = MoveIntended(
            at=self.at,
            move_id=of.move_id,
            request_id=request_id(of.move_id, "ceffu"),
            payload_hash=payload_hash(of).hex(),
            approved_by=("bob", "cay"),
            policy_version=1,
            amount_usd=of.amount,
        )
        return [*moves.until_approved(of), intent, moves.submitted(of.move_id, at=self.at)]

    def moved(self, of: MovePayload, order: str) -> list[Event]:
        """Return the rest of its life."""
        where = of.destination if of.kind == "delegate" else of.source
        done = moves.reported("success", of.move_id, order=order, at=self.at)
        return [done, moves.seen(of.move_id, where, at=self.at), MoveDone(at=self.at, move_id=of.move_id)]


@pytest.fixture
def desk(tmp_path: Path, log_url: str) -> Iterator[Moving]:
    """A custodian who mirrors 1,000 USDT to an account, and whose word was taken once."""
    world = World(tmp_path / "world")
    seeded(world)
    world.start("--settlement-lasts", "1")
    try:
        found = Moving(world, log_url)
        found.custodian.delegate(MAIN, USDT, "1000")
        found.append(MarksTaken(at=found.at, marks=tuple(common("2500", at=found.at).values())))
        found.run(0)
        assert current("delegation") == []
        assert DelegationAnchor.objects.get(to_seq=None, account=MAIN, asset=USDT).total == 1000
        yield found
    finally:
        world.kill()


def the_delegation() -> Break:
    (found,) = current("delegation")
    return found


def test_a_delegation_that_the_custodian_forgot_is_found_within_two_runs_and_again_when_he_forgets_again(
    desk: Moving,
) -> None:
    desk.world.act("custody/forget")
    desk.run()
    assert the_delegation().state == "seen"
    desk.run()
    found = the_delegation()
    assert (found.state, found.difference.item, found.difference.amount) == ("found", f"{MAIN}:{USDT}", D(-1000))
    assert (found.difference.ours, found.difference.theirs) == ((("total", "1000"),), (("total", "0"),))
    assert found.difference.usd == 1000
    assert f'"account":"{MAIN}","asset":"USDT","total":"0"' in found.heal[0].body

    desk.world.act("custody/remember")  # the custodian puts it right
    desk.run()
    assert the_delegation().state == "verified"

    desk.world.act("custody/forget")
    desk.run()
    desk.run()
    again = the_delegation()
    assert (again.state, again.relapses, again.break_id) == ("reopened", 1, found.break_id)

    asked = heal_break(again.break_id, by="ann", reason="he paid it out", at=desk.at)
    assert asked.needs_two == "it decides whether 1000 USDT count at the custodian or at the venue"
    with pytest.raises(ApproverIsAsker):
        heal_break(again.break_id, by="ann", reason="again", at=desk.at)
    assert heal_break(again.break_id, by="bob", reason="his statement", at=desk.at).state == "healed"
    desk.run()
    assert the_delegation().state == "verified"
    assert DelegationAnchor.objects.get(to_seq=None, account=MAIN, asset=USDT).by == "bob"


def test_moves_of_ours_explain_what_is_mirrored_and_one_of_anybody_else_does_not(desk: Moving) -> None:
    more = desk.payload("500")
    desk.append(*desk.submitted(more))
    order = desk.custodian.delegate(MAIN, USDT, "500")
    desk.run()
    assert (the_delegation().state, the_delegation().difference.amount) == ("seen", D(500))
    desk.append(*desk.moved(more, order))
    desk.run()
    assert the_delegation().state == "settled"

    less = desk.payload("-200")
    desk.append(*desk.submitted(less))
    desk.append(*desk.moved(less, desk.custodian.delegate(MAIN, USDT, "200", UNDELEGATION)))
    desk.run()
    assert the_delegation().state == "settled"

    desk.custodian.delegate(MAIN, USDT, "7")
    desk.run()
    desk.run()
    assert (the_delegation().state, the_delegation().difference.amount) == ("found", D(7))


def test_a_move_that_the_custodian_carried_out_is_waited_for_until_its_word_comes(desk: Moving) -> None:
    more = desk.payload("500")
    desk.append(*desk.submitted(more))
    desk.custodian.delegate(MAIN, USDT, "500")
    desk.run()
    desk.run()
    assert the_delegation().state == "seen"
    desk.run(later_s=900)
    assert the_delegation().state == "found"


def test_a_loss_that_was_settled_explains_that_less_is_mirrored(desk: Moving) -> None:
    desk.world.fill(MAIN, "ETHUSDT", "100")
    desk.world.fill(MAIN, "ETHUSDT", "100", "SELL")  # the spread and the fees are lost
    desk.world.act("custody/settle")
    desk.custodian.until(lambda: D(desk.custodian.mirrored(MAIN, USDT)) < 1000)
    desk.run()
    assert current("delegation") == []
    anchor = DelegationAnchor.objects.get(to_seq=None, account=MAIN, asset=USDT)
    assert (anchor.by, anchor.because.startswith("settled by ")) == ("reconciliation", True)
    desk.run()
    assert current("delegation") == []
