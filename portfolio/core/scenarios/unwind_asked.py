"""Unwind asked: what a run of redemptions is asked for, as a link holds it.  query -> UnwindAsked"""

from collections.abc import Mapping
from typing import Final

from hedgeapp.core.records import record
from portfolio.core.scenarios.asked import number_within

# Least and most of each number, as a person writes it.
UNWIND_BOUNDS: Final = {
    "unwind": (0.0, 100.0),  # % of the supply
    "hours": (1.0, 168.0),
    "taken": (1.0, 100.0),  # % of what the books show
    "refills": (0.1, 3_600.0),  # an hour
    "transfer": (0.0, 72.0),  # hours
    "block": (1.0, 3_600.0),  # seconds
}


@record
class UnwindAsked:
    """What is asked for: `unwind` % of the supply in `hours`.

    Of what the books show at most `taken` % is bought, and that comes back `refills` times an hour. Coins are
    `transfer` hours on their way to the minting contract. A block comes each `block` seconds.
    """

    unwind: float = 25.0
    hours: float = 24.0
    taken: float = 50.0
    refills: float = 12.0
    transfer: float = 1.0
    block: float = 12.0

    @property
    def depth_an_hour(self) -> float:
        """How much of what the books show can be bought in an hour, as a multiple of it."""
        return self.taken / 100 * self.refills

    def query(self) -> dict[str, str]:
        """Return what a link says: the share and the hours, and all else that differs from the default."""
        plain = UnwindAsked()
        said = {name: f"{getattr(self, name):.10g}" for name in UNWIND_BOUNDS}
        return {
            name: text
            for name, text in said.items()
            if name in ("unwind", "hours") or text != f"{getattr(plain, name):.10g}"
        }


def unwind_asked(query: Mapping[str, str]) -> UnwindAsked:
    """Read what is asked for; refuse in a sentence what is out of bounds (`ScenarioIsRefused`)."""
    given = {}
    for name, (least, most) in UNWIND_BOUNDS.items():
        text = query.get(name, "").strip()
        if text:
            given[name] = number_within(name, text, least, most)
    if "hours" in given:
        given["hours"] = float(round(given["hours"]))
    return UnwindAsked(**given)
