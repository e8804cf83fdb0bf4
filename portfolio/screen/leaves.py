"""Leaves: the changing elements of the screen, made of figures, words and bands."""

import re
from decimal import Decimal
from functools import lru_cache
from html import escape
from typing import Literal

from hedgeapp.core.amounts import ONE, ZERO
from hedgeapp.live import Leaf
from portfolio.core.figures import Figure
from portfolio.screen import numbers

Level = Literal["good", "warn", "bad", "idle"]

BAND_PX = 60  # width of a drawn band
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9]+")


@lru_cache(maxsize=8_192)
def name(*parts: str) -> str:
    """Return an element's id made of words."""
    return "-".join(_NOT_IN_ID.sub("_", part) for part in parts)


def figure(
    id: str,
    shown: Figure,
    unit: str,
    *,
    sign: bool = False,
    arrow: bool = False,
    decimals: int | None = None,
    none: str = "none",
    suffix: str = "",
    scale: Decimal = ONE,
    is_calm: bool = False,
) -> Leaf:
    """Return a number as a leaf: fixed decimals, its freshness, and all its digits for whoever asks.

    `scale` turns a ratio into percent; `none` is the word where there is no such number; `suffix` follows it in a cell
    whose column's unit stands nowhere else.
    """
    places = numbers.decimals_of(unit) if decimals is None else decimals
    nothing = "—" if shown.state == "unknown" else none
    value = None if shown.value is None else shown.value * scale
    attributes, full, body, text = _drawn(value, unit, places, sign, arrow, nothing, suffix, shown.because)
    return Leaf(
        id=id,
        attributes=attributes,
        full=full,
        body=body,
        text=text,
        state=shown.state,
        is_calm=is_calm,
        at=shown.at,
        until=shown.until,
    )


@lru_cache(maxsize=8_192)
def _drawn(
    value: Decimal | None, unit: str, places: int, sign: bool, arrow: bool, nothing: str, suffix: str, because: str
) -> tuple[str, str, str, str]:
    """Return a number's attributes, its digits, its element and its text; most of a frame's are those of the last."""
    text, precise, way = nothing, "", "flat"
    if value is not None:
        text = (numbers.signed if sign else numbers.plain)(value, places) + suffix
        precise = f"{numbers.full(value)} {unit}".strip()
        way = numbers.direction(Decimal(f"{value:.{places}f}"))
    mark = {"up": "▲", "down": "▼"}.get(way, "") if arrow else ""
    arrowed = f'<span class="arrow" aria-hidden="true">{mark}</span>' if mark else ""
    direction = f' data-sign="{way}"' if arrow else ""
    attributes = f'{direction} data-because="{escape(because)}"'
    return attributes, escape(precise), f"<b>{arrowed}{escape(text)}</b>", text


def word(id: str, said: str, level: Level, because: str = "") -> Leaf:
    """Return a state as a leaf: a word with the mark of its level."""
    reason = f' title="{escape(because)}"' if because else ""
    return Leaf(
        id=id, attributes=f' class="word" data-level="{level}"{reason}', body=escape(said), text=f"{said} {level}"
    )


def text(id: str, said: str, because: str = "") -> Leaf:
    """Return a changing text as a leaf; where there is no room for all of it, the rest is one hover away."""
    whole = because or said
    return Leaf(id=id, attributes=f' title="{escape(whole)}"' if whole else "", body=escape(said), text=said)


def band(id: str, share: Decimal | None, level: Level) -> Leaf:
    """Return a drawing of a signed share of a limit: the middle is flat, an end is the limit."""
    half = Decimal(BAND_PX) / 2
    length = min(abs(share or ZERO), ONE) * half
    start = half if share is None or share >= ZERO else half - length
    drawn = (
        f'<svg class="band" data-level="{level}" width="{BAND_PX}" height="10" aria-hidden="true">'
        f'<rect class="rail" y="2" width="{BAND_PX}" height="6" rx="2"/>'
        f'<rect class="used" x="{start:.1f}" y="2" width="{length:.1f}" height="6" rx="1"/>'
        f'<path class="mid" d="M{half} 0v10"/></svg>'
    )
    return Leaf(id=id, body=drawn, text="")


def bar(id: str, share: Decimal | None, level: Level, width_px: int = 72) -> Leaf:
    """Return a drawing of a share between 0 and 1."""
    length = max(ZERO, min(share or ZERO, ONE)) * width_px
    drawn = (
        f'<svg class="band" data-level="{level}" width="{width_px}" height="8" aria-hidden="true">'
        f'<rect class="rail" y="1" width="{width_px}" height="6" rx="2"/>'
        f'<rect class="used" y="1" width="{length:.1f}" height="6" rx="2"/></svg>'
    )
    return Leaf(id=id, body=drawn, text="")
