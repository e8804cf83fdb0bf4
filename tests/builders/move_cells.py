"""The cells of the moves' crash matrix: where a worker dies on a move's way, and what must come of it.

`python -m tests.builders.move_cells` writes docs/crash-matrix-of-moves.md; a test carries every cell out and compares.
"""

from pathlib import Path
from typing import Any, Final

from hedgeapp.core.records import record
from portfolio.core.move_states import State

PAGE: Final = Path(__file__).resolve().parent.parent.parent / "docs" / "crash-matrix-of-moves.md"
PATH: Final = "/v1/mirrorX/order"
SWALLOWED: Final = {"kind": "timeout_after", "path": PATH, "hold_ms": 100}
SILENT: Final = {"kind": "timeout_before", "path": PATH, "hold_ms": 100}
HEAD: Final = """\
# Crash matrix of moves

Each row is carried out by `tests/operations/test_moves_crash.py`: a worker under the role that sends moves, a process
of its own, is killed with `kill -9` at the named step of an approved move's way; another worker then finishes.
PostgreSQL and the sandbox custodian are real. *Then* is how many orders the custodian had under the move's request id
when the worker died, *at the end* how many it has when the other worker has finished: one, never two and never none.
`python -m tests.builders.move_cells` writes this page from what the test compares with.

| | then | in the end | at the end |
|---|---:|---|---:|
"""


@record
class Cell:
    """One way to die. `step` is where (tests.builders.dying), `fault` the custodian's; then what must come of it."""

    step: str
    words: str
    then: int
    state: State
    at_the_end: int
    fault: dict[str, Any] | None = None


def _cells(then: int, state: State, at_the_end: int, *rows: tuple[str, str], fault: Any = None) -> list[Cell]:
    return [
        Cell(step=step, words=words, then=then, state=state, at_the_end=at_the_end, fault=fault) for step, words in rows
    ]


CELLS: Final = [
    *_cells(
        0,
        "done",
        1,
        ("claim.before", "before the row is claimed"),
        ("claim.written", "claim written, not committed"),
        ("claim.after", "row claimed"),
        ("MoveIntended.before", "log locked, all checks passed"),
        ("MoveIntended.written", "`MoveIntended` written, not committed"),
        ("intend_move.after", "`MoveIntended` committed"),
        ("MoveSubmitted.before", "all checks passed again"),
        ("MoveSubmitted.written", "`MoveSubmitted` written, not committed"),
        ("submit_move.after", "`MoveSubmitted` committed"),
        ("POST.before", "request signed, not written"),
    ),
    *_cells(
        1,
        "done",
        1,
        ("POST.answered", "answer there, not read"),
        ("MoveReported.before", "answer read"),
        ("MoveReported.written", "the custodian's word written, not committed"),
        ("note_move_reported.after", "the custodian's word committed"),
        ("MoveDone.before", "the other side shows it"),
        ("MoveDone.written", "`MoveDone` written, not committed"),
        ("note_shown.after", "`MoveDone` committed"),
        ("close.written", "row closed, not committed"),
        ("close.after", "row closed"),
    ),
    *_cells(
        1,
        "done",
        1,
        ("note_move_unknown.before", "answer lost: nothing written"),
        ("MoveOutcomeUnknown.written", "answer lost: `MoveOutcomeUnknown` written, not committed"),
        ("note_move_unknown.after", "answer lost: `MoveOutcomeUnknown` committed"),
        ("put_off.after", "answer lost: row put off"),
        fault=SWALLOWED,
    ),
    *_cells(
        0,
        "done",
        1,
        ("note_move_unknown.before", "request lost: nothing written"),
        ("note_move_unknown.after", "request lost: `MoveOutcomeUnknown` committed"),
        ("ask_again.after", "request lost: all checks passed, about to send it again under the same name"),
        fault=SILENT,
    ),
]


def page() -> str:
    """Return the page of all cells."""
    rows = (f"| {one.words} | {one.then} | {one.state.replace('_', ' ')} | {one.at_the_end} |\n" for one in CELLS)
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page())
