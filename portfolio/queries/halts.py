"""Halts: those in force and how they are carried, and those that were lifted; out of PostgreSQL alone."""

from typing import Final

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


def scopes() -> list[tuple[str, str]]:
    """Return what can be halted: scope and its words."""
    venues = Venue.objects.filter(is_enabled=True).order_by("name").values_list("name", flat=True)
    return [(EVERYWHERE, where(EVERYWHERE)), *((venue, venue) for venue in venues)]


def where(scope: str) -> str:
    """Return a scope in words."""
    return "all venues" if scope == EVERYWHERE else scope
