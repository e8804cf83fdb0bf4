"""Drills on the whole stack: what nobody told us is found by itself, healed by two people, and found again."""

import re
from collections.abc import Callable, Iterator

import pytest

from tests.builders.delegating import Custodian
from tests.journeys.conftest import LogReader
from tests.journeys.test_halt import Person, colleague
from tests.stack import Stack, running_stack
from tests.world import World

MAIN, RESERVE = "binance-usdm:main", "binance-usdm:reserve"
STILL = {"SANDBOX_MINT_EVERY": "0", "SANDBOX_HAND_EVERY": "0", "HEDGEAPP_RECONCILE_EVERY_S": "10"}
FOUND_S = 180.0  # on a busy machine; grace and pace of the runs are told by reconciliation.queries.due
KINDS = ("balance", "delegation", "holding")

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a stack whose world moves nothing by itself."""
    with running_stack(tmp_path_factory.mktemp("stack"), **STILL) as running:
        yield running


@pytest.fixture(scope="module")
def custodian(world: World) -> Custodian:
    """Return the custodian, spoken to by somebody who has our key."""
    return Custodian(world.url, world.keys["ceffu"], world.act)


def breaks(log: LogReader) -> dict[str, tuple[str, str]]:
    """Return the state and the id of the break of each kind that the drills led to; a move shows elsewhere, too."""
    query = (
        "SELECT kind, state, break_id FROM reconciliation_breakrow WHERE to_seq IS NULL AND was_found"
        f" AND (kind <> 'balance' OR subject = 'account:{RESERVE}')"
    )
    return {kind: (state, name) for kind, state, name in log.rows(query)}


def wait(stack: Stack, log: LogReader, what: str, holds: Callable[[dict[str, tuple[str, str]]], bool]) -> None:
    def look() -> bool | None:
        return True if holds(breaks(log)) else None

    stack.until(look, FOUND_S, f"{what}, not {breaks(log)}")


def is_compared(log: LogReader) -> bool | None:
    query = "SELECT DISTINCT subject FROM reconciliation_run WHERE outcome = 'clean'"
    return (
        True
        if {row[0] for row in log.rows(query)} >= {f"account:{MAIN}", f"account:{RESERVE}", "custodian:ceffu"}
        else None
    )


def heal(person: Person, name: str) -> str:
    """Press the button that heals or approves it; return the page after it."""
    page = person.get(f"/breaks/{name}/")
    seen = re.search(r'name="seen" value="(\d+)"', page)
    assert seen is not None
    assert person.send(f"/breaks/{name}/heal", f"/breaks/{name}/", text="as they say", seen=seen.group(1)) == 302
    return person.get(f"/breaks/{name}/")


def test_what_nobody_told_us_is_found_healed_by_two_and_found_again(
    stack: Stack, world: World, log: LogReader, custodian: Custodian
) -> None:
    ann, bob = colleague(stack, "ann"), colleague(stack, "bob")
    stack.until(lambda: is_compared(log), FOUND_S, "a clean run of each subject")
    before = len(log.fills(MAIN))
    world.act("faults", kind="drop_fill", venue="binance-usdm", account=MAIN)
    world.act("fill", account=MAIN, symbol="ETHUSDT", side="SELL", quantity="0.001")
    world.act("balance", account=RESERVE, asset="USDT", amount="1234.5")
    world.act("custody/adjust", coin="USDT", amount="2500.5")
    custodian.delegate(MAIN, "USDT", "1000")  # of nobody of ours
    wait(stack, log, "all breaks", lambda found: all(found.get(kind, [""])[0] == "found" for kind in KINDS))
    for kind in KINDS:
        name = breaks(log)[kind][1]
        assert "Another person has to approve" in heal(ann, name)
        heal(bob, name)
    wait(stack, log, "all verified", lambda found: all(found[kind][0] == "verified" for kind in KINDS))
    # The account's own reading has the fill by now: it never was a break.
    assert len(log.fills(MAIN)) == len(set(log.fills(MAIN))) == before + 1
    assert not log.rows("SELECT 1 FROM reconciliation_breakrow WHERE kind = 'fill' AND was_found")

    world.act("custody/forget")
    world.act("balance", account=RESERVE, asset="USDT", amount="-500")
    world.act("custody/adjust", coin="USDT", amount="-700")
    wait(stack, log, "all again", lambda found: all(found[kind][0] == "reopened" for kind in KINDS))
