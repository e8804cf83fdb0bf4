"""Runs: what a run writes after it has compared.  differences x Breaks x at -> events

A run says nothing of a kind that it could not read: what it did not see is neither there nor gone.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from hedgeapp.core.differences import Difference, DifferenceKind, Evidence
from hedgeapp.core.events.breaks import (
    BreakEvent,
    BreakFound,
    BreakReopened,
    BreakResized,
    BreakVerified,
    DifferenceSeen,
    DifferenceSettled,
    HealProposed,
    VenueBlocked,
    VenueFreed,
)
from hedgeapp.core.records import record
from reconciliation.core.breaks import Break, Breaks, break_id
from reconciliation.core.grades import GRACE, Limits, blocks, severity
from reconciliation.core.in_flight import InFlight


@record
class Finding:
    """A difference with what accounts for it (None: nothing), and the facts of theirs that would heal it."""

    difference: Difference
    in_flight: InFlight | None = None
    facts: tuple[Evidence, ...] = ()
    because: str = ""

    @property
    def break_id(self) -> str:
        """The id of its break, now and for ever."""
        return break_id(self.difference.subject, self.difference.kind, self.difference.item)


@record
class Run:
    """A run of one subject; `kinds` are those that it could compare."""

    run_id: str
    subject: str
    at: datetime
    kinds: Collection[DifferenceKind]
    findings: tuple[Finding, ...]


def conclusions(run: Run, breaks: Breaks, bounds: Limits) -> list[BreakEvent]:
    """Return what a run says of each difference and of each break of its subject; `breaks` stay as they are."""
    written: list[BreakEvent] = []
    found = {finding.break_id: finding for finding in run.findings}
    for name in sorted(found):
        written += _there(found[name], breaks.get(name), run, bounds)
    for known in sorted(breaks, key=lambda one: one.break_id):
        is_ours = known.difference.subject == run.subject and known.difference.kind in run.kinds
        if is_ours and known.is_watched and known.break_id not in found:
            written.append(_gone(known, run))
    return written


def _there(finding: Finding, known: Break | None, run: Run, bounds: Limits) -> list[BreakEvent]:
    difference, name = finding.difference, finding.break_id
    grade = severity(difference, bounds)
    if known is not None and known.is_open:
        is_same = known.difference.is_as(difference) and known.severity == grade
        resized: list[BreakEvent] = (
            []
            if is_same
            else [
                BreakResized(at=run.at, break_id=name, run_id=run.run_id, difference=difference, severity=grade),
            ]
        )
        return [*resized, *_proposed(finding, known, run)]
    if known is not None and known.state == "accepted" and known.accepted and known.accepted.is_as(difference):
        return []
    written: list[BreakEvent] = []
    due_at = known.due_at if known is not None else run.at
    if known is None or known.state != "seen":
        settled_at = max(run.at, finding.in_flight.until) if finding.in_flight else run.at
        due_at = settled_at + GRACE[difference.kind]
        written.append(
            DifferenceSeen(
                at=run.at,
                break_id=name,
                run_id=run.run_id,
                difference=difference,
                due_at=due_at,
                explained_by=finding.in_flight.because if finding.in_flight else "",
            )
        )
    if run.at < due_at or finding.in_flight is not None:
        return written
    kind = BreakFound if known is None or known.found_at is None else BreakReopened
    written.append(kind(at=run.at, break_id=name, run_id=run.run_id, difference=difference, severity=grade))
    return [*written, *_proposed(finding, None, run)]


def _proposed(finding: Finding, known: Break | None, run: Run) -> list[BreakEvent]:
    if not finding.facts or (known is not None and known.heal == finding.facts):
        return []
    return [
        HealProposed(
            at=run.at,
            break_id=finding.break_id,
            run_id=run.run_id,
            facts=finding.facts,
            because=finding.because,
        )
    ]


def _gone(known: Break, run: Run) -> BreakEvent:
    if known.state == "seen":
        return DifferenceSettled(at=run.at, break_id=known.break_id, run_id=run.run_id)
    return BreakVerified(at=run.at, break_id=known.break_id, run_id=run.run_id)


def blocking(
    breaks: Iterable[Break], blocked: Mapping[str, tuple[str, ...]], at: datetime
) -> list[VenueBlocked | VenueFreed]:
    """Return the venues that are blocked or freed, now that breaks are so; `blocked` are the breaks of those that are.

    A venue that is blocked by more or by fewer breaks is blocked anew.
    """
    known = tuple(breaks)
    written: list[VenueBlocked | VenueFreed] = []
    for venue in sorted({*blocked, *(one.difference.venue for one in known)}):
        names = tuple(one.break_id for one in blocks(venue, known))
        if names and names != blocked.get(venue):
            count = f"{len(names)} breaks are" if len(names) > 1 else f"break {names[0]} is"
            because = f"{count} above the limit of {venue}, or cannot be sized"
            written.append(VenueBlocked(at=at, venue=venue, break_ids=names, because=because))
        elif not names and venue in blocked:
            written.append(VenueFreed(at=at, venue=venue))
    return written
