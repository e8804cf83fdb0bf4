"""Screen: breaks and runs as lines of the page, each with its age and its word."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from hedgeapp.core.differences import Severity
from hedgeapp.core.records import record
from portfolio.screen.leaves import Level
from reconciliation.core.breaks import Break
from reconciliation.queries.breaks import LastRun

LEVELS: Final[dict[Severity, Level]] = {"critical": "bad", "major": "warn", "minor": "idle"}
OVER: Final = frozenset({"settled", "healed", "accepted", "verified"})
PLACES: Final = Decimal("1e-8")  # finer than that is our own arithmetic
QUIET_MAX: Final = timedelta(minutes=3)  # a subject that was not compared for longer is told


@record
class Side:
    """A field with its value on either side; `differs` when they are not the same, unless only we tell it by nature."""

    name: str
    ours: str
    theirs: str
    is_line: bool = False

    @property
    def differs(self) -> bool:
        """Tell whether the two are not the same."""
        return self.ours != self.theirs and not self.is_line


@record
class Line:
    """A break as a page shows it."""

    found: Break
    at: str
    age: str
    usd: str
    amount: str
    what: str
    word: str
    level: Level
    is_over: bool


@record
class RunLine:
    """The last run of a subject as the page shows it."""

    subject: str
    at: str
    outcome: str
    level: Level
    rows: int
    differing: int
    said: str
    log_seq: int
    compared: list[dict[str, object]]


def lines(breaks: Iterable[Break], at: datetime) -> list[Line]:
    """Return the lines of breaks, as of a time."""
    return [line(one, at) for one in breaks]


def line(found: Break, at: datetime) -> Line:
    """Return the line of a break, as of a time."""
    difference = found.difference
    began = found.found_at or found.seen_at
    is_over = found.state in OVER
    ended = found.ended_at if is_over and found.ended_at else at
    amount = difference.amount
    return Line(
        found=found,
        at=f"{began:%m-%d %H:%M:%S}",
        age=age(ended - began),
        usd="not known" if difference.usd is None else f"{difference.usd:,.2f}",
        amount="" if amount is None else f"{plain(amount)} {difference.unit}",
        what=what(found),
        word=found.state if not found.asked_by or is_over else f"{found.closing} asked",
        level="good" if found.state == "verified" else "idle" if is_over else LEVELS[found.severity],
        is_over=is_over,
    )


def what(found: Break) -> str:
    """Return on which side something is missing, or that both tell it otherwise."""
    difference = found.difference
    if difference.amount is None and not difference.ours:
        return "only theirs"
    if difference.amount is None and not difference.theirs:
        return "only ours"
    return "differs"


def sides(found: Break) -> list[Side]:
    """Return both sides, field by field."""
    ours, theirs = dict(found.difference.ours), dict(found.difference.theirs)
    return [
        Side(
            name=name.replace("_", " "),
            ours=ours.get(name, "—"),
            theirs=theirs.get(name, "—"),
            is_line=bool(theirs) and name not in theirs,
        )
        for name in {**theirs, **ours}
    ]


def run_lines(runs: Iterable[LastRun], at: datetime) -> list[RunLine]:
    """Return the lines of the last runs; one that failed, or is long ago, is told."""
    found = []
    for one in runs:
        run = one.run
        ended = run.ended_at or run.begun_at
        is_late = at - ended > QUIET_MAX
        level: Level = "bad" if run.outcome == "failed" or is_late else "warn" if run.outcome == "differing" else "good"
        found.append(
            RunLine(
                subject=one.subject,
                at=f"{ended:%H:%M:%S}" if at - ended < timedelta(hours=12) else f"{ended:%m-%d %H:%M}",
                outcome=f"{run.outcome}, {age(at - ended)} ago" if is_late else run.outcome,
                level=level,
                rows=sum(max(kind["ours"], kind["theirs"]) for kind in run.compared),
                differing=sum(kind["differing"] for kind in run.compared),
                said=run.said,
                log_seq=run.log_seq,
                compared=run.compared,
            )
        )
    return found


def age(span: timedelta) -> str:
    """Return a span in its largest unit, two of them above a day."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600} h"


def plain(amount: Decimal) -> str:
    """Return an amount with its sign and separators, in at most as many decimals as venues state."""
    return f"{amount.quantize(PLACES, ROUND_HALF_EVEN).normalize() + 0:+,f}".replace("-", "−")
