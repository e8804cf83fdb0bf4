"""Saved scenarios: which have a name, whose they are, and which are standing.  event x SavedScenarios -> SavedScenarios

A name means one scenario for as long as it is saved: what runs each minute under a name is what was marked.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, assert_never
from urllib.parse import parse_qsl, urlencode

from hedgeapp.core.events.scenarios import ScenarioDropped, ScenarioMarked, ScenarioSaved
from hedgeapp.core.records import record
from portfolio.core.scenarios.asked import Asked, ScenarioIsRefused, asked

ScenarioEvent = ScenarioSaved | ScenarioDropped | ScenarioMarked

NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._+%-]{0,58}[A-Za-z0-9.+%])?")
SAVED_MAX: Final = 200
STANDING_MAX: Final = 20  # each runs every minute
LINK_LENGTH_MAX: Final = 4_000  # characters


@record
class SavedScenario:
    """A scenario with a name; `marked` is who had it run each minute, and why, None while nobody does."""

    saved: ScenarioSaved
    marked: ScenarioMarked | None = None

    @property
    def name(self) -> str:
        return self.saved.scenario


class SavedScenarios:
    """The saved scenarios by name; mutable, owned by a book."""

    __slots__ = ("_of",)

    def __init__(self, saved: Iterable[SavedScenario] = ()) -> None:
        self._of = {one.name: one for one in saved}

    def __iter__(self) -> Iterator[SavedScenario]:
        return iter(self._of.values())

    def __len__(self) -> int:
        return len(self._of)

    def get(self, name: str) -> SavedScenario | None:
        """Return a saved scenario, None when there is none of that name."""
        return self._of.get(name)

    @property
    def standing(self) -> tuple[SavedScenario, ...]:
        """Those that run each minute, by name."""
        return tuple(one for _, one in sorted(self._of.items()) if one.marked is not None)

    def apply(self, event: ScenarioEvent) -> str:
        """Fold an event; return a sentence where it contradicts what is known, else nothing."""
        known = self._of.get(event.scenario)
        match event:
            case ScenarioSaved():
                if known is not None:
                    return f"a free name expected, found {event.scenario} saved already"
                self._of[event.scenario] = SavedScenario(saved=event)
            case ScenarioDropped():
                if self._of.pop(event.scenario, None) is None:
                    return f"a saved scenario {event.scenario} expected, found none to drop"
            case ScenarioMarked():
                if known is None:
                    return f"a saved scenario {event.scenario} expected, found none to mark"
                self._of[event.scenario] = replace(known, marked=event if event.is_standing else None)
            case _:
                assert_never(event)
        return ""


def link_of(wanted: Asked) -> str:
    """Return what a scenario's link says: the same text for the same scenario."""
    return urlencode(wanted.query())


def asked_in(link: str) -> Asked:
    """Read what a link asks for; refuse in a sentence what no scenario is."""
    if len(link) > LINK_LENGTH_MAX:
        raise ScenarioIsRefused(f"a link of at most {LINK_LENGTH_MAX:,} characters expected, found {len(link):,}")
    return asked(dict(parse_qsl(link.removeprefix("?"))))
