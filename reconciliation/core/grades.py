"""Grades: how bad a difference is, how long it may stay, and what it blocks.  Difference x Limits -> Severity

A difference that nobody can size is taken at its worst: no limit says how much it may be.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.differences import Difference, DifferenceKind, Severity
from hedgeapp.core.records import record
from portfolio.core.catalogue import Catalogue
from reconciliation.core.breaks import Break

LIMIT_KIND: Final = "break_usd_max"
LIMIT_SUBJECT: Final = "venue"
BREAK_USD_MAX: Final = Decimal(1_000)  # where no limit is set
MAJOR_SHARE: Final = Decimal("0.1")  # of the limit; below it a break is minor

# A difference of these kinds is no sum of money by itself: nothing that rests on it can be believed.
UNCOUNTED: Final[frozenset[DifferenceKind]] = frozenset({"instrument", "mode", "memory"})

# How long a difference may stay until it is a break. Venues list income late; specifications have nothing in flight.
GRACE: Final[Mapping[DifferenceKind, timedelta]] = {
    "position": timedelta(seconds=45),
    "balance": timedelta(seconds=45),
    "open_order": timedelta(seconds=45),
    "fill": timedelta(seconds=45),
    "funding": timedelta(seconds=300),
    "transfer": timedelta(seconds=300),
    "collateral": timedelta(seconds=45),
    "holding": timedelta(seconds=45),
    "delegation": timedelta(seconds=45),
    "supply": timedelta(seconds=45),
    "instrument": timedelta(seconds=0),
    "mode": timedelta(seconds=0),
    "memory": timedelta(seconds=45),
    "mark": timedelta(seconds=45),
}


@record
class Tolerances:
    """What may differ without being a difference: in USD and, where no price is known, in units; of prices in bp.

    `mark_bp` is for one price by two ways, `elsewhere_bp` for an index against other venues', `basis_bp` for a mark
    against its index.
    """

    usd: Decimal = Decimal("0.01")
    units: Decimal = Decimal("1e-8")
    mark_bp: Decimal = Decimal(50)
    elsewhere_bp: Decimal = Decimal(100)
    basis_bp: Decimal = Decimal(200)


@record
class Limits:
    """How much an open break of any venue or holder may be worth, in USD."""

    usd_max: Decimal = BREAK_USD_MAX


def limits(catalogue: Catalogue) -> Limits:
    """Return the bound that is set."""
    limit = catalogue.limits_by_subject.get((LIMIT_KIND, LIMIT_SUBJECT))
    return Limits(usd_max=limit.value) if limit else Limits()


def severity(difference: Difference, bounds: Limits) -> Severity:
    """Return how bad a difference is."""
    if difference.usd is None or difference.kind in UNCOUNTED:
        return "critical"
    if difference.usd > bounds.usd_max:
        return "critical"
    return "major" if difference.usd > bounds.usd_max * MAJOR_SHARE else "minor"


def blocks(venue: str, breaks: Iterable[Break]) -> list[Break]:
    """Return the breaks for which nothing automatic may act at a venue: critical ones that are not verified yet."""
    return sorted(
        (
            one
            for one in breaks
            if one.difference.venue == venue and one.severity == "critical" and (one.is_open or one.state == "healed")
        ),
        key=lambda one: one.break_id,
    )
