"""One fault of each class, done to a whole running stack: the page shows it, and the feed comes back by itself."""

from collections.abc import Iterator

import pytest

from tests.journeys.fault_cells import ALL, Cell
from tests.journeys.fault_matrix import PAGE, Desk, names_of
from tests.journeys.test_halt import colleague
from tests.stack import Stack, running_stack
from tests.world import World

STILL = {"SANDBOX_MINT_EVERY": "0", "SANDBOX_HAND_EVERY": "0"}
# A cut, a silence that TCP does not know of, a hole, a poison message, a door that is busy, a forged signature.
CARRIED_OUT = {
    "sockets cut": "binance-usdm",
    "half-open: sockets stay up and say nothing": "binance-coinm",
    "messages are missing from the book": "binance-coinm",
    "one message nobody can read": "binance-usdm",
    "private stream cut": "binance-coinm",
    "REST answers 502 in HTML": "binance-usdm",
    "a stranger signs": "pyth",
}

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a stack whose world moves nothing by itself."""
    with running_stack(tmp_path_factory.mktemp("stack"), **STILL) as running:
        yield running


@pytest.fixture(scope="module")
def desk(stack: Stack, world: World) -> Desk:
    """Return somebody who looks at it."""
    return Desk(stack, colleague(stack, "ann"), world)


@pytest.mark.parametrize("cell", [one for one in ALL if one.title in CARRIED_OUT], ids=lambda one: one.title)
def test_a_fault_is_shown_to_the_desk_and_is_over_by_itself(desk: Desk, cell: Cell) -> None:
    found = desk.outcome(cell, CARRIED_OUT[cell.title])
    assert found.shown_s is not None
    assert found.over_s is not None


def test_the_page_has_a_row_for_every_fault_at_everyone_it_is_done_to() -> None:
    page = PAGE.read_text()
    for cell in ALL:
        for name in names_of(cell):
            assert f"| {cell.title} | {name} |" in page
    assert "not seen" not in page
