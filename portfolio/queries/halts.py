"""Halts: those in force and how they are carried, and those that were lifted; out of PostgreSQL alone."""

from datetime import datetime
from typing import Final

from django.db.models import Q

from hedgeapp.core.events.halts import EVERYWHERE
from hedgeapp.core.records import record
from marketdata.models import Venue
from portfolio.models import Halt, Work

PAST_SHOWN: Final = 20  # halts that were lifted


@record
class HaltInForce:
    """A halt with the words of the worker that carries it; `where` is its scope in words."""

    halt: Halt
    where: str
    progress: str

    @property
    def is_held(self) -> bool:
        """Tell whether the venues said that nothing of its scope is left working."""
        return self.halt.held_at is not None


def in_force() -> list[HaltInForce]:
    """Return the halts in force, the widest and oldest first."""
    halts = sorted(Halt.objects.filter(lifted_at=None), key=lambda one: (one.scope != EVERYWHERE, one.declared_at))
    if not halts:
        return []
    carried = Work.objects.filter(kind="halt", subject__in=[halt.halt_id for halt in halts], closed_at=None)
    said = dict(carried.values_list("subject", "said"))
    return [HaltInForce(halt=halt, where=where(halt.scope), progress=said.get(halt.halt_id, "")) for halt in halts]


def past() -> list[Halt]:
    """Return the halts that were lifted last, the latest first."""
    return list(Halt.objects.exclude(lifted_at=None).order_by("-lifted_at")[:PAST_SHOWN])


def in_force_at(at: datetime) -> list[HaltInForce]:
    """Return the halts that were in force at a time, as they stood then; who carried them is not known any more."""
    declared = Halt.objects.filter(declared_at__lte=at)
    halts = sorted(
        declared.filter(Q(lifted_at=None) | Q(lifted_at__gt=at)),
        key=lambda one: (one.scope != EVERYWHERE, one.declared_at),
    )
    return [HaltInForce(halt=_as_of(halt, at), where=where(halt.scope), progress="") for halt in halts]


def past_at(at: datetime) -> list[Halt]:
    """Return the halts that had been lifted by a time, the latest first."""
    return list(Halt.objects.filter(lifted_at__lte=at).order_by("-lifted_at")[:PAST_SHOWN])


def _as_of(halt: Halt, at: datetime) -> Halt:
    """Take back what happened to a halt after a time; the row itself is left alone."""
    halt.lifted_at, halt.approved_by = None, ""
    if halt.asked_at is not None and halt.asked_at > at:
        halt.asked_at, halt.asked_by, halt.asked_because = None, "", ""
    if halt.held_at is not None and halt.held_at > at:
        halt.held_at, halt.canceled = None, 0
    return halt


def scopes() -> list[tuple[str, str]]:
    """Return what can be halted: scope and its words."""
    venues = Venue.objects.filter(is_enabled=True).order_by("name").values_list("name", flat=True)
    return [(EVERYWHERE, where(EVERYWHERE)), *((venue, venue) for venue in venues)]


def where(scope: str) -> str:
    """Return a scope in words."""
    return "all venues" if scope == EVERYWHERE else scope
