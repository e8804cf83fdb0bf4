"""Whatever dies on an order's way: it is at the venue once at most, and the log says what the venue says."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from hedgeapp.up.bootstrap import ROOT
from tests.journeys.crash_cells import ALL, Cell
from tests.journeys.crash_matrix import PAGE, Matrix, page

RUN_S_MAX = 600

pytestmark = pytest.mark.timeout(RUN_S_MAX + 20)


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    """What came of all cells, carried out now."""
    folder: Path = tmp_path_factory.mktemp("matrix")
    given = ["--page", str(folder / "page.md"), "--found", str(folder / "found.json")]
    command = [sys.executable, "-m", "tests.journeys.crash_matrix", *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_S_MAX, check=False)
    assert (folder / "found.json").exists(), done.stderr[-20_000:]
    return msgspec.json.decode((folder / "found.json").read_bytes(), type=Matrix)


@pytest.mark.parametrize("cell", ALL, ids=lambda cell: cell.nonce)
def test_an_order_is_at_the_venue_once_at_most_and_ends_as_the_venue_says(matrix: Matrix, cell: Cell) -> None:
    (outcome,) = [one for one in matrix.outcomes if one.nonce == cell.nonce]
    assert not outcome.wrong


def test_no_id_is_in_the_venues_ledger_twice(matrix: Matrix) -> None:
    assert matrix.repeated == {}


def test_unmodified_ccxt_fetches_the_trades_of_the_log(matrix: Matrix) -> None:
    assert (matrix.trades_missing, matrix.trades_invented, matrix.trades_twice) == ((), (), ())


def test_nothing_contradicted_the_book(matrix: Matrix) -> None:
    assert matrix.faults == ()


def test_the_page_in_docs_says_what_came_of_it(matrix: Matrix) -> None:
    assert page(matrix.outcomes) == PAGE.read_text(), "write it anew with `python -m tests.journeys.crash_matrix`"
