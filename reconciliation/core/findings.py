"""Findings: their statement against our rows, each difference sized.  sides x Valuation -> Findings"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Final

from hedgeapp.core.differences import Compared, DifferenceKind, Evidence, Stated
from hedgeapp.core.events import Event
from portfolio.core.valuation import Valuation
from reconciliation.core.compare import SHAPES, Mismatch, Side, digest, exactly, mismatches
from reconciliation.core.grades import Tolerances
from reconciliation.core.in_flight import InFlight
from reconciliation.core.runs import Finding
from reconciliation.core.sizes import sized, tolerance
from reconciliation.core.statements import Statement

# Kinds whose facts are told once for all: what we have and they do not cannot be healed by their word.
TOLD_ONCE: Final[frozenset[DifferenceKind]] = frozenset({"fill", "funding", "transfer"})
BECAUSE: Final[Mapping[DifferenceKind, str]] = {
    "fill": "their list of trades has it under this id",
    "funding": "their income has it under this id",
    "transfer": "their list has it under this id",
    "open_order": "their list of open orders has it so",
    "collateral": "their statement says so",
    "supply": "their statement says so",
    "delegation": "their list of what is mirrored says so",
}


def kinds_of(statement: Statement, ours: Mapping[DifferenceKind, Side]) -> list[DifferenceKind]:
    """Return the kinds that both sides tell."""
    return [kind for kind in SHAPES if kind in statement.sides and kind in ours]


def findings(
    statement: Statement,
    ours: Mapping[DifferenceKind, Side],
    *,
    venue: str,
    in_flight: Collection[InFlight],
    valuation: Valuation,
    evidence: Callable[[Event], Evidence],
    tolerances: Tolerances | None = None,
) -> tuple[Finding, ...]:
    """Return every difference between the kinds that both sides tell."""
    found: list[Finding] = []
    allowed = tolerances or Tolerances()
    for kind in kinds_of(statement, ours):
        is_counted = SHAPES[kind].counted is not None
        within = partial(_tolerance, kind, allowed, valuation) if is_counted else exactly
        for one in mismatches(kind, ours[kind], statement.sides[kind], within):
            flying = _flying(kind, one, in_flight, valuation.at)
            facts = _facts(kind, one, statement, evidence)
            found.append(
                Finding(
                    difference=sized(statement.subject, venue, kind, one, valuation),
                    in_flight=flying,
                    facts=facts,
                    because=BECAUSE[kind] if facts else "",
                )
            )
    return tuple(found)


def compared(
    statement: Statement, ours: Mapping[DifferenceKind, Side], found: Iterable[Finding]
) -> tuple[Compared, ...]:
    """Return how many rows of each kind were compared, how many differ, and what their statement's digest is."""
    differing = [one.difference.kind for one in found]
    return tuple(
        Compared(
            kind=kind,
            ours=len(ours[kind]),
            theirs=len(statement.sides[kind]),
            differing=differing.count(kind),
            digest=digest(statement.sides[kind]),
        )
        for kind in kinds_of(statement, ours)
    )


def lasting(first: Iterable[Finding], second: Iterable[Finding], watched: Collection[str]) -> tuple[Finding, ...]:
    """Return what two looks at both sides, shortly one after the other, found.

    Between two sides that are read one after the other a fact may slip; a new difference has to be there in both looks,
    one that is known (`watched`, by break id) in either.
    """
    before = {one.break_id: one for one in first}
    after = {one.break_id: one for one in second}
    kept = {name: one for name, one in before.items() if name in watched} | {
        name: one for name, one in after.items() if name in before or name in watched
    }
    return tuple(kept[name] for name in sorted(kept))


def with_lines(found: Iterable[Finding], lines: Mapping[str, Stated]) -> tuple[Finding, ...]:
    """Return findings whose holdings say line by line how ours come about."""

    def lined(one: Finding) -> Finding:
        told = lines.get(one.difference.item, ()) if one.difference.kind == "holding" else ()
        return replace(one, difference=replace(one.difference, ours=(*one.difference.ours, *told))) if told else one

    return tuple(lined(one) for one in found)


def _tolerance(kind: DifferenceKind, allowed: Tolerances, valuation: Valuation, item: str) -> Decimal:
    return tolerance(kind, item, allowed, valuation)


def _flying(kind: DifferenceKind, one: Mismatch, in_flight: Collection[InFlight], at: datetime) -> InFlight | None:
    return next((work for work in in_flight if work.explains(kind, one, at)), None)


def _facts(
    kind: DifferenceKind, one: Mismatch, statement: Statement, evidence: Callable[[Event], Evidence]
) -> tuple[Evidence, ...]:
    fact = statement.facts.get((kind, one.item))
    is_theirs_alone = one.ours is None or kind not in TOLD_ONCE
    return (evidence(fact),) if fact is not None and is_theirs_alone else ()
