"""Runs against a venue's marks: a price that another source does not have is found, and gone when they agree."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hedgeapp.core.events.breaks import RunEnded
from hedgeapp.core.instruments import Instrument
from marketdata.queries.catalogue import reference
from marketdata.venues import Client
from reconciliation.queries.due import EVERY, due
from tests.builders.accounts import COIN, World, seeded
from tests.builders.reconciling import Desk, current

D = Decimal
VENUE = "binance-usdm"
SUBJECT = f"marks:{VENUE}"
ETH = f"{VENUE}:ETH-USDT-PERP"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def desk(tmp_path: Path, log_url: str) -> Iterator[Desk]:
    """A sandbox, and our marks as its venues tell them."""
    world = World(tmp_path / "world")
    seeded(world)
    world.start()
    try:
        found = Desk(world, log_url, SUBJECT)
        found.contact()  # the feeds of accounts introduce their instruments
        found.contact(account=COIN)
        found.priced(theirs())
        yield found
    finally:
        world.kill()


def theirs() -> dict[tuple[str, Any], str]:
    """Return marks and indexes of all our instruments as their venues tell them now."""

    async def read(name: str) -> list[Any]:
        client = Client(known.venues[name])
        try:
            return list(await client.call("marks"))
        finally:
            await client.close()

    known = reference()
    ours: dict[str, dict[str, Instrument]] = {}
    for one in known.instruments.values():
        ours.setdefault(one.venue, {})[one.venue_symbol] = one
    found: dict[tuple[str, Any], str] = {("USDT", "usd"): "1"}
    for venue, instruments in ours.items():
        for row in asyncio.run(read(venue)):
            if row["symbol"] in instruments:
                name = instruments[row["symbol"]].id
                found |= {(name, "mark"): row["markPrice"], (name, "index"): row["indexPrice"]}
    return found


def test_marks_that_all_sources_have_are_clean_and_each_was_compared_with_the_others(desk: Desk) -> None:
    assert desk.run(0) == "clean"
    (ended,) = desk.told(RunEnded)
    (compared,) = ended.compared
    assert (compared.kind, compared.ours, compared.theirs) == ("mark", 8, 8)  # of two instruments


def test_a_mark_of_ours_that_the_venue_does_not_tell_is_found_and_verified_when_it_is_right_again(desk: Desk) -> None:
    right = theirs()
    wrong = str(D(right[ETH, "mark"]) * D("1.02"))
    desk.priced({(ETH, "mark"): wrong})
    assert [desk.run(), desk.run()] == ["differing", "differing"]
    (found,) = current("mark")
    assert (found.state, found.difference.item, found.difference.unit) == ("found", f"{ETH} mark", "USDT")
    assert found.difference.ours == (("price", wrong.rstrip("0").rstrip(".")),)
    assert found.difference.amount is not None
    assert found.difference.amount < 0
    desk.priced(theirs())
    assert desk.run() == "clean"
    assert [one.state for one in current("mark")] == ["verified"]


def test_an_index_that_other_venues_do_not_have_is_found(desk: Desk) -> None:
    others = [name for name in theirs() if name[0].startswith("binance-coinm:ETH")]
    for _ in range(2):
        desk.at += timedelta(seconds=60)
        now = theirs()
        desk.priced(now | {name: str(D(now[name]) * D("1.05")) for name in others})
        assert desk.run(1) == "differing"
    assert [one.difference.item for one in current("mark")] == [f"{ETH} index by other venues"]


def test_marks_are_due_each_minute_and_when_the_venues_feed_comes_back(desk: Desk) -> None:
    subjects = [subject for subject, _ in due(datetime.now(UTC) + EVERY)]
    assert {SUBJECT, "marks:binance-coinm"} <= set(subjects)
