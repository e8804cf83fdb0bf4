"""A Deribit account against its own statement: clean when the log has all, a break for a fill that nobody heard of."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from hedgeapp.core.events.breaks import RunEnded
from tests.builders.accounts import DERIBIT, INSTRUMENTS, World, seeded
from tests.builders.reconciling import Desk, current

TRANSFERS = 2
ETH = INSTRUMENTS[DERIBIT]["ETH-PERPETUAL"]
COMPARED = {"position", "balance", "open_order", "fill", "funding", "transfer", "instrument", "mode"}

pytestmark = pytest.mark.timeout(600)  # each run reads a whole statement over sockets


@pytest.fixture
def desk(tmp_path: Path, log_url: str) -> Iterator[Desk]:
    """An account that was read, its balances anchored, and that nobody listens to any more."""
    world = World(tmp_path / "world", offered=["deribit"])
    seeded(world)
    world.start("--volatility", "0")
    try:
        found = Desk(world, log_url, f"account:{DERIBIT}")
        found.contact(TRANSFERS, DERIBIT)
        found.priced({(name, kind): "3000" for name in INSTRUMENTS[DERIBIT].values() for kind in ("mark", "index")})
        assert found.run() == "clean"
        yield found
    finally:
        world.kill()


def test_a_settlement_is_explained_and_a_fill_that_was_dropped_is_a_break(desk: Desk) -> None:
    desk.world.fill(DERIBIT, "ETH-PERPETUAL", "700", "BUY")
    desk.world.act("funding", venue="deribit")
    desk.world.act("transfer", account=DERIBIT, asset="ETH", amount="3")
    desk.contact(TRANSFERS + 1, DERIBIT)
    assert desk.run() == "clean"
    compared = {one.kind: one for one in desk.told(RunEnded)[-1].compared}
    assert set(compared) >= COMPARED
    assert compared["fill"].ours == compared["fill"].theirs > 0
    assert compared["funding"].ours == compared["funding"].theirs > 0
    desk.world.act("faults", kind="drop_fill", venue="deribit", account=DERIBIT)
    desk.world.fill(DERIBIT, "ETH-PERPETUAL", "1", "SELL")  # so little is one trade
    assert desk.run() == "differing"
    assert desk.run() == "differing"
    (missed,) = current("fill")
    assert (missed.state, missed.difference.ours) == ("found", ())
    assert missed.difference.item.startswith(ETH)
    assert [one.difference.amount for one in current("position")] == [Decimal(-1)]
