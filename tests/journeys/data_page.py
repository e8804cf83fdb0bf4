"""The page *Data* as somebody reads it: how each feed does, by its words and numbers."""

import html
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final

from hedgeapp.core.records import record
from tests.journeys.test_halt import Person

_ROW: Final = re.compile(r'<tr><th scope="row">([a-z]+:[\w:.-]+)</th>(.*?)</tr>', re.S)
_CELL: Final = re.compile(r'<td[^>]*data-label="([\w /]+)"[^>]*>(.*?)</td>', re.S)
_GROUP: Final = re.compile(r'<tr class="group"><th scope="rowgroup"[^>]*>(\S+) (.*?)</tbody>', re.S)
_CHANNEL: Final = re.compile(r'<tr><th scope="row">(\w+)</th><td[^>]*data-label="state">(.*?)</td>', re.S)
_SUSPENDED: Final = re.compile(r'<h2 id="suspension-\d+">([^<]+)</h2>')
_TAG: Final = re.compile(r"<[^>]+>")


@record
class FeedSeen:
    """A feed as the page shows it; `channels` are the words of its channels, where it has some."""

    feed: str
    state: str
    because: str
    gaps: int = 0
    resyncs: int = 0
    refused: int = 0
    reconnects: int = 0
    channels: Mapping[str, str] = field(default_factory=dict)
    is_suspended: bool = False  # whether any instrument of the venue is

    @property
    def is_well(self) -> bool:
        """Tell whether it is live with all that has a budget."""
        return self.state == "live" and not {"stale", "disconnected", "unheard", "quarantined"} & {
            *self.channels.values()
        }


def feeds_seen(person: Person) -> dict[str, FeedSeen]:
    """Read *Data* and *suspensions*; return what they show by feed."""
    page = person.get("/data/")
    suspended = {name.partition(":")[0] for name in _SUSPENDED.findall(person.get("/data/suspensions/"))}
    channels = {name: {one: _text(word) for one, word in _CHANNEL.findall(rest)} for name, rest in _GROUP.findall(page)}
    found = {}
    for feed, rest in _ROW.findall(page):
        cells = {label: _text(cell) for label, cell in _CELL.findall(rest)}
        if "reconnects" not in cells:
            continue
        numbers = {name: int(cells[name].replace(",", "")) for name in ("gaps", "resyncs", "refused", "reconnects")}
        found[feed] = FeedSeen(
            feed=feed,
            state=cells["state"],
            because=cells["because"],
            channels=channels.get(feed, {}),
            is_suspended=feed.partition(":")[2] in suspended,
            **numbers,
        )
    return found


def _text(markup: str) -> str:
    return " ".join(html.unescape(_TAG.sub(" ", markup)).split())
