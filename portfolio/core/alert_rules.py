"""Alert rules: what is worth calling somebody for, read off one frame.  Book x Frame x Upkeep x at -> readings

Each rule gives a reading for each of its subjects, well or ill, so that an alert can end. A number that is not current
is no reading but the want of one; where a source has just begun, the reading says so. `ADVICE` says what to do: the
first line of a runbook, at docs/operating.md.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.events.alerts import Severity
from portfolio.core.alert_watch import Reading, Verdict
from portfolio.core.book import Book
from portfolio.core.desk_alerts import desk_readings
from portfolio.core.figures import Figure
from portfolio.core.forced_fills import forced_readings
from portfolio.core.frames import Frame
from portfolio.core.minting_watch import BROKEN, MARGIN_RATIO
from portfolio.core.rests import rest_readings
from portfolio.core.rows import ExposureRow, FeedRow, MarginRow
from portfolio.core.scenarios.standing import standing_readings
from portfolio.core.sources import unread
from portfolio.core.starting import starting
from portfolio.core.upkeep import Upkeep, upkeep_readings

BACKING_WARNED: Final = Decimal("1.01")  # assets / supply
BACKING_MIN: Final = Decimal(1)

OVERVIEW: Final = "/"
DATA: Final = "/data/"
PRICES: Final = "/prices/"

ADVICE: Final = {
    "net_delta": "Open the ticket of the currency (h on the Overview) and send the hedge, or say why not.",
    "margin": "Add collateral to the account or reduce its positions; see its liquidation price on the Overview.",
    "backing": "Compare supply and holdings on the Overview; pause mint and redeem if either looks wrong.",
    "feed": "Read the feed's error under Data; correct its URL or keys in Admin, or wait until its source is back.",
    "order": "Look the order up on the venue's own page by its client order id; nobody sends it again.",
    "order_rejected": "Read the venue's reason on the order's page; correct it before another is sent.",
    "move": "Look the move up on the custodian's own page by its request id; the worker asks again by itself.",
    "move_awaits": "Open the move: it says whose approval is missing; decide, or withdraw it.",
    "move_unsent": "Look whether a worker of the queue moves runs; the move's page says what hinders it.",
    "move_failed": "Read the custodian's reason on the move's page; propose another one if it is still wanted.",
    "unintended_move": "Ask the custodian who ordered it; moves stay halted until two people have reviewed it.",
    "break_glass": "Two people who did not sign it review it: was it meant, was it needed, where is the collateral?",
    "custodian": "Call the custodian: it took moves and does not carry them out. Nobody sends them again.",
    "break": "Open the break, compare both sides, heal or accept it; nothing automatic acts at the venue until then.",
    "break_aged": "Take the break: heal it, or accept it with a reason.",
    "suspension": "Data, Suspensions says what was expected and found; compare with the venue before releasing it.",
    "service": "Look whether workers run (Data, Services); start one, it takes the service over within seconds.",
    "sink": "Look at the second store's place and keys (Data, Second store); until then a lost disk loses the lag.",
    "rest": "PnL says of which asset and account; compare its fills, fundings and transfers with the venue's.",
    "forced": "Hedge what is open now; see the account's margin and what is left of its positions; ask the venue why.",
    "standing": "Scenarios has the run: add collateral or reduce positions; where it is not known, see Data.",
    "minting": "Prices says why, and who may resume.",
    "halt": "The HALT page says what is still working, and who may resume.",
    "fault": "Introduce what the event lacks (instrument, account or asset) in Admin.",
    "no_data": "Look under Data for the input that is missing or stale; until it is back this is not watched.",
}


def readings(book: Book, frame: Frame, at: datetime, upkeep: Upkeep | None) -> tuple[Reading, ...]:
    """Return what every rule says now; a sum that is not whole yet, for a source was never read, is not known."""
    begun = starting(book, frame.feeds, at)
    return tuple(_calm(one, begun) if begun else one for one in _all(book, frame, at, upkeep))


def _calm(one: Reading, begun: tuple[str, ...]) -> Reading:
    """Mark what may be wrong only because a source has just begun."""
    waits = one.verdict == "no_data" or (one.rule in ("feed", "service") and one.subject in begun)
    return replace(one, is_starting=True) if waits else one


def _all(book: Book, frame: Frame, at: datetime, upkeep: Upkeep | None) -> Iterator[Reading]:
    missing = unread(book)
    sums = (
        *(_net_delta(row) for row in frame.exposure if row.band is not None),
        *(_margin(row, book) for row in frame.margin if row.maintenance_margin.value != 0),
        *_backing(frame),
    )
    yield from (replace(one, verdict="no_data", said=missing, evidence=DATA) if missing else one for one in sums)
    yield from map(_feed, frame.feeds)
    yield from desk_readings(book, at)
    yield from upkeep_readings(upkeep, at)
    yield from rest_readings(upkeep.rest if upkeep else None, book, at)
    yield from standing_readings(upkeep.standing if upkeep else (), book, at)
    yield from forced_readings(upkeep.forced if upkeep else (), book)
    yield _minting(frame)
    yield from _halts(book)
    yield _faults(frame)


def _net_delta(row: ExposureRow) -> Reading:
    said = f"net {row.currency} within its band of {row.band} expected, found {_short(row.net)}: {row.net.because}"
    return _of_figure("net_delta", row.currency, row.net, row.band_state == "outside", "critical", said, OVERVIEW)


def _margin(row: MarginRow, book: Book) -> Reading:
    limit = book.catalogue.limits_by_subject.get(("margin_ratio_max", "account"))
    most = limit.value if limit else MARGIN_RATIO
    ratio = row.margin_ratio.value
    is_ill = row.is_past_liquidation or (ratio is not None and ratio > most)
    found = "past liquidation" if ratio is None or row.is_past_liquidation else f"{ratio:.1%}"
    said = f"margin ratio of {row.account} in {row.settlement} of at most {most:.0%} expected, found {found}"
    rests_on = row.maintenance_margin if ratio is None else row.margin_ratio
    return _of_figure("margin", f"{row.account} {row.settlement}", rests_on, is_ill, "critical", said, OVERVIEW)


def _backing(frame: Frame) -> Iterator[Reading]:
    ratio = frame.backing.ratio
    if frame.backing.supply.value == 0:
        return
    is_ill = ratio.value is not None and ratio.value < BACKING_WARNED
    severity: Severity = "critical" if ratio.value is not None and ratio.value < BACKING_MIN else "warning"
    said = f"assets of at least {BACKING_WARNED} x supply expected, found {_short(ratio)}: {ratio.because}"
    yield _of_figure("backing", "supply", ratio, is_ill, severity, said, OVERVIEW)


def _feed(row: FeedRow) -> Reading:
    """A feed that is silent is ill, not unknown: that nothing is heard is what is known of it."""
    is_ill = row.condition in BROKEN
    said = f"{row.feed} live expected, found {row.condition}: {row.because}"
    return _reading("feed", row.feed, is_ill, "warning", said, DATA)


def _minting(frame: Frame) -> Reading:
    said = "mint and redeem open expected, found them paused: " + "; ".join(frame.minting.reasons)
    is_ill = bool(frame.minting.pauses or frame.minting.halts)  # a source that has just begun calls nobody
    return _reading("minting", "mint and redeem", is_ill, "warning", said, PRICES)


def _halts(book: Book) -> Iterator[Reading]:
    for halt in book.halts:
        declared = halt.declared
        said = f"no halt expected, found {halt.halt_id} by {declared.by}: {declared.reason}"
        yield _reading("halt", halt.halt_id, True, "critical", said, "/halt/")


def _faults(frame: Frame) -> Reading:
    first = frame.faults[0].because if frame.faults else ""
    said = f"every event placed expected, found {len(frame.faults)} that are not: {first}"
    return _reading("fault", "the book", bool(frame.faults), "warning", said, "/events/")


def _of_figure(
    rule: str, subject: str, figure: Figure, is_ill: bool, severity: Severity, said: str, evidence: str
) -> Reading:
    if figure.is_current:
        return _reading(rule, subject, is_ill, severity, said, evidence)
    said = f"a current number expected for {rule} of {subject}, found it {figure.state}: {figure.because}"
    return Reading(rule=rule, subject=subject, verdict="no_data", severity=severity, said=said, evidence=DATA)


def _reading(rule: str, subject: str, is_ill: bool, severity: Severity, said: str, evidence: str) -> Reading:
    verdict: Verdict = "ill" if is_ill else "well"
    return Reading(rule=rule, subject=subject, verdict=verdict, severity=severity, said=said, evidence=evidence)


def _short(figure: Figure) -> str:
    return "nothing" if figure.value is None else f"{figure.value:,.4f}"


def advice(rule: str) -> str:
    """Return what to do about an alert of a rule; empty for one that has none."""
    return ADVICE.get(rule, "")
