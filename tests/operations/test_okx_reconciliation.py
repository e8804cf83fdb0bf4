"""An OKX account against its own statement: clean when the log has all, a break for a fill that nobody heard of."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from hedgeapp.core.events.breaks import RunEnded
from hedgeapp.core.events.trading import FillRecorded
from reconciliation.operations.breaks import heal_break
from tests.builders.accounts import INSTRUMENTS, TRADING, World, seeded
from tests.builders.reconciling import Desk, current

TRANSFERS = 3
INVERSE = INSTRUMENTS[TRADING]["ETH-USD-SWAP"]
COMPARED = {"position", "balance", "open_order", "fill", "funding", "transfer", "instrument", "mode"}

pytestmark = pytest.mark.timeout(600)  # each run reads a whole statement over sockets


@pytest.fixture
def desk(tmp_path: Path, log_url: str) -> Iterator[Desk]:
    """An account that was read, its balances anchored, and that nobody listens to any more."""
    world = World(tmp_path / "world", offered=["okx"])
    seeded(world)
    world.start("--volatility", "0")
    try:
        found = Desk(world, log_url, f"account:{TRADING}")
        found.contact(TRANSFERS, TRADING)
        found.priced({(name, kind): "3000" for name in INSTRUMENTS[TRADING].values() for kind in ("mark", "index")})
        assert found.run() == "clean"
        yield found
    finally:
        world.kill()


def test_what_the_log_has_of_it_explains_positions_balances_fills_fundings_and_modes(desk: Desk) -> None:
    desk.world.fill(TRADING, "ETH-USDT-SWAP", "1.5", "SELL")
    desk.world.fill(TRADING, "ETH-USD-SWAP", "700", "BUY")
    desk.world.act("funding", venue="okx")
    desk.world.act("transfer", account=TRADING, asset="USDT", amount="100")
    desk.contact(TRANSFERS + 1, TRADING)
    assert desk.run() == "clean"
    ended = desk.told(RunEnded)[-1]
    compared = {one.kind: one for one in ended.compared}
    assert set(compared) >= COMPARED
    assert compared["fill"].ours == compared["fill"].theirs > 0
    assert compared["funding"].ours == compared["funding"].theirs > 0
    assert compared["mode"].theirs >= 2 + 2 * len(INSTRUMENTS[TRADING])


def test_a_fill_that_was_dropped_is_a_break_and_healed_by_two(desk: Desk) -> None:
    desk.world.act("faults", kind="drop_fill", venue="okx", account=TRADING)
    desk.world.fill(TRADING, "ETH-USD-SWAP", "1", "SELL")  # so little is one trade
    assert desk.run() == "differing"
    assert desk.run() == "differing"
    (missed,) = current("fill")
    assert (missed.state, missed.difference.ours) == ("found", ())
    assert missed.difference.item.startswith(INVERSE)
    assert [one.difference.amount for one in current("position")] == [Decimal(-1)]
    before = len(desk.told(FillRecorded))
    heal_break(missed.break_id, by="ann", reason="the venue lists it", at=desk.at)
    assert heal_break(missed.break_id, by="bob", reason="seen at the venue", at=desk.at).state == "healed"
    assert len(desk.told(FillRecorded)) == before + 1
    assert desk.run() == "clean"


def test_a_balance_that_was_changed_behind_our_back_is_a_break(desk: Desk) -> None:
    desk.world.act("balance", account=TRADING, asset="ETH", amount="-2")
    desk.run()
    desk.run()
    (found,) = current("balance")
    assert (found.state, found.difference.item, found.difference.amount) == ("found", "ETH", Decimal(-2))
