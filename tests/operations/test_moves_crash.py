"""Whatever dies on a move's way: it is at the custodian once at most, and the log says what the custodian says."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from portfolio.core.move_request_ids import request_id
from portfolio.models import Work
from tests.builders.accounts import World, seeded
from tests.builders.forge import Forge, until
from tests.builders.move_cells import CELLS, PAGE, Cell, page
from tests.builders.moving import CUSTODIAN, MovesWorld, move_now

AMOUNT = 10  # and one more for each cell, so that what changed tells which it was
STATED_EVERY_S = 0.2
OVER = ("success", "failed")


@pytest.fixture(scope="module")
def custodian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running sandbox."""
    found = World(tmp_path_factory.mktemp("world"))
    found.start()
    found.act("custody/latency", seconds="0.1")
    yield found
    found.kill()


@pytest.fixture
def moves(custodian: World, log_url: str) -> MovesWorld:
    """The sandbox, people with passkeys, and rules that two of them agreed on."""
    seeded(custodian)
    found = MovesWorld(custodian)
    found.begin()
    return found


@pytest.fixture
def forge(moves: MovesWorld, moves_database_url: str, tmp_path: Path) -> Iterator[Forge]:
    """What forks workers under the role that sends moves."""
    found = Forge(tmp_path / "workers.log", moves_database_url)
    yield found
    found.close()


@pytest.mark.timeout(600)
def test_a_move_is_at_the_custodian_once_at_most_wherever_its_worker_dies(moves: MovesWorld, forge: Forge) -> None:
    before = moves.at_venue()
    names = [_killed(cell, str(AMOUNT + place), moves, forge) for place, cell in enumerate(CELLS)]
    then = [len(moves.orders_of(request_id(name, CUSTODIAN))) for name in names]
    assert then == [cell.then for cell in CELLS]
    Work.objects.filter(closed_at=None).update(claimed_until=datetime.now(UTC) - timedelta(seconds=1))
    worker = forge.fork("moves", host="healthy")
    for name in names:
        until(partial(_is_over, moves, name), f"{name} to end", partial(_state, name))
        until(partial(_is_closed, name), f"work of {name} closed")
    forge.kill(worker)
    found = [(_state(name), len(moves.orders_of(request_id(name, CUSTODIAN)))) for name in names]
    assert found == [(cell.state, cell.at_the_end) for cell in CELLS]
    moved = sum(AMOUNT + place for place, cell in enumerate(CELLS) if cell.at_the_end)
    assert moves.at_venue() == before + moved


def test_the_page_in_docs_says_what_came_of_it() -> None:
    assert page() == PAGE.read_text(), "write it anew with `python -m tests.builders.move_cells`"


def _killed(cell: Cell, amount: str, moves: MovesWorld, forge: Forge) -> str:
    """Let a worker carry a move of its own until it dies at its step; then nobody else may look for an hour."""
    if cell.fault:
        moves.world.act("custody/arm", **cell.fault)
    name = moves.approved(amount)
    pid = forge.fork("moves", step=cell.step, subject=name, host=f"machine-of-{name}")
    until(partial(_is_dead, moves, name, pid), f"a death at {cell.step}", partial(_state, name))
    Work.objects.filter(subject=name).update(claimed_until=datetime.now(UTC) + timedelta(hours=1))
    moves.world.act("faults/clear")
    _let_both_state(moves)
    return name


def _is_dead(moves: MovesWorld, name: str, pid: int) -> bool | None:
    if _state(name) == "confirmed":
        _let_both_state(moves)
    return None if Path(f"/proc/{pid}").exists() else True


def _is_over(moves: MovesWorld, name: str) -> bool | None:
    if _state(name) == "confirmed":
        _let_both_state(moves)
    return True if move_now(name).is_final else None


def _is_closed(name: str) -> bool | None:
    return True if Work.objects.filter(subject=name, closed_at__isnull=False).exists() else None


def _state(name: str) -> str:
    return move_now(name).state


def _let_both_state(moves: MovesWorld) -> None:
    """Let custodian and venue state what they hold, when nothing is under way between them, as feeds do in a while."""
    time.sleep(STATED_EVERY_S)
    until(lambda: True if all(one["status"] in OVER for one in moves.state()["orders"]) else None, "orders to end")
    moves.state_both()
