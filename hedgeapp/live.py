"""Live: push changed cells to every open dashboard.

A page is leaves (the smallest things that change, each an element with an id) inside fragments (the templates that hold
them). A push carries the leaves that changed and, where rows came or went, the whole fragment; it is rendered once for
everybody. Of a leaf whose number alone changed it carries that and no more (docs/decisions/0149). Its first element
names the frame and the one before it, so that a browser that missed one notices.
"""

from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import groupby
from typing import Final

from hedgeapp.audience import tell
from hedgeapp.core.records import record

DASHBOARDS: Final = "dashboards"  # the group of all open dashboards; one per permission class
FLASH_PAUSE: Final = timedelta(seconds=1.4)  # from one flash of a leaf to its next
WHOLE: Final = "whole"  # a message that needs no frame before it
AGED: Final = ("late", "stale")  # states that are said with an age


@record
class Leaf:
    """A changing element: `body` is its inner HTML, `attributes` its escaped attributes, `text` what a person reads.

    `full` is all its digits, escaped, where it is a number. `at` is the time of the datum it shows and `until` when it
    becomes stale; they change with each message of a source, so they travel apart from the rest. `state` is a word for
    its freshness. A calm one changes without a flash.
    """

    id: str
    tag: str = "span"
    attributes: str = ""
    full: str | None = None
    body: str
    text: str
    state: str = ""
    is_calm: bool = False
    at: datetime | None = None
    until: datetime | None = None

    def html(self, now: datetime, *, pushed: bool = False, flash: bool = False) -> str:
        """Return the element, as it stands in a page or as it is pushed."""
        state = _state_attributes(self, now) if self.state else ""
        push = ' hx-swap-oob="true"' if pushed else ""
        classes = ' class="f flash"' if flash else ' class="f"'
        full = "" if self.full is None else f' data-full="{self.full}"'
        age = f'<i class="age">{age_words(self, now)}</i>' if self.state else ""
        return (
            f'<{self.tag} id="{self.id}"{push}{classes if self.state else ""}{full}{self.attributes}{state}>'
            f"{self.body}{age}</{self.tag}>"
        )

    def patch(self, now: datetime, *, flash: bool = False) -> str:
        """Return what makes an element of a leaf that `differs_in_number` into this one; its times count from now."""
        times = (("at", self.at), ("until", self.until))
        since = milliseconds(now)
        written = "".join(f' {name}="{milliseconds(at) - since}"' for name, at in times if at)
        return f'<patch id="{self.id}" full="{self.full}"{written}{" flash" if flash else ""}>{self.body}</patch>'

    def is_same(self, other: "Leaf") -> bool:
        """Tell whether both look alike, their times aside."""
        return self.body == other.body and self.full == other.full and self.is_as(other)

    def differs_in_number(self, other: "Leaf") -> bool:
        """Tell whether all else that can be read of both is the same; an age in words is not, it grows."""
        has_digits = self.full is not None and other.full is not None
        return has_digits and self.state not in ("", *AGED) and self.is_as(other)

    def is_as(self, other: "Leaf") -> bool:
        """Tell whether both stand in the same element, whatever is in it."""
        return self.attributes == other.attributes and self.state == other.state and self.tag == other.tag


@record
class Picture:
    """What a page shows at one frame: its leaves by id, and the shape of each fragment (which rows, which labels)."""

    number: int
    seq: int
    at: datetime
    leaves: Mapping[str, Leaf]
    shapes: Mapping[str, Hashable]
    fragments: Mapping[str, frozenset[str]]
    announcement: str = ""


def age_words(leaf: Leaf, now: datetime) -> str:
    """Return the word for a leaf's freshness, with its age where it has one."""
    if leaf.state in AGED and leaf.at is not None:
        return f"{leaf.state} {age(now - leaf.at)}"
    return leaf.state


def age(elapsed: timedelta) -> str:
    """Return an age in its natural unit: seconds, minutes, hours or days, rounded down."""
    seconds = max(0, int(elapsed.total_seconds()))
    if seconds < 100:
        return f"{seconds} s"
    if seconds < 100 * 60:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 48 * 3600 else f"{seconds // 86400} d"


class Flashes:
    """Which leaves flashed when, so that one that changes with every frame does not shine without a pause."""

    def __init__(self) -> None:
        self._last: dict[str, datetime] = {}

    def take(self, leaf: Leaf, at: datetime) -> bool:
        """Tell whether a leaf may flash now, and remember that it did."""
        if leaf.is_calm or at - self._last.get(leaf.id, datetime.min.replace(tzinfo=UTC)) < FLASH_PAUSE:
            return False
        self._last[leaf.id] = at
        return True


def push(before: Picture | None, now: Picture, render: Callable[[str], str], flashes: Flashes | None = None) -> str:
    """Return the HTML that turns a page of frame `before` into one of frame `now`; `render` draws a whole fragment."""
    flashes = flashes or Flashes()
    redrawn = {name for name, shape in now.shapes.items() if before is None or before.shapes.get(name) != shape}
    inside = frozenset[str]().union(*(now.fragments[name] for name in redrawn))
    parts = [render(name) for name in sorted(redrawn)]
    touched = []
    for leaf in now.leaves.values():
        old = before.leaves.get(leaf.id) if before else None
        if leaf.id in inside or old is None:
            continue
        if not leaf.is_same(old):
            flash = leaf.text != old.text and flashes.take(leaf, now.at)
            is_patched = leaf.differs_in_number(old)
            parts.append(leaf.patch(now.at, flash=flash) if is_patched else leaf.html(now.at, pushed=True, flash=flash))
        elif leaf.at != old.at or leaf.until != old.until:
            touched.append(leaf)
    head = header(now, previous=str(before.number) if before else WHOLE, touched=touched)
    return head + "".join(parts)


def header(picture: Picture, *, previous: str, touched: list[Leaf] | None = None) -> str:
    """Return the element that says which frame this is, which it follows, and which leaves only grew younger."""
    said = (
        f'<p id="announcement" hx-swap-oob="innerHTML">{escape(picture.announcement)}</p>'
        if picture.announcement
        else ""
    )
    return (
        f'<i id="frame" hx-swap-oob="true" hidden data-number="{picture.number}" data-previous="{previous}" '
        f'data-at="{milliseconds(picture.at)}" data-seq="{picture.seq}" '
        f'data-touched="{_touches(touched or [])}"></i>{said}'
    )


async def send(html: str) -> None:
    """Send a push to every open dashboard, in ASCII: what each socket then encodes, it only copies."""
    await tell(DASHBOARDS, html.encode("ascii", "xmlcharrefreplace").decode())


def milliseconds(at: datetime) -> int:
    """Return a time in milliseconds since 1970."""
    return int(at.timestamp() * 1000)


def _state_attributes(leaf: Leaf, now: datetime) -> str:
    times = f' data-at="{milliseconds(leaf.at)}"' if leaf.at else ""
    until = f' data-until="{milliseconds(leaf.until)}"' if leaf.until else ""
    return f' data-state="{leaf.state}"{times}{until}'


def _times(leaf: Leaf) -> str:
    until = milliseconds(leaf.until) if leaf.until else ""
    return f"{milliseconds(leaf.at) if leaf.at else ''}/{until}"


def _touches(leaves: list[Leaf]) -> str:
    # Many cells share one time: "at/until id id;at/until id".
    by_times = groupby(sorted(leaves, key=_times), key=_times)
    return ";".join(" ".join([times, *(leaf.id for leaf in group)]) for times, group in by_times)
