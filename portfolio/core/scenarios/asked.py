"""Asked: what a scenario is asked for, as a link holds it.  query -> Asked

Percent are what a person writes; inside all is relative. What is not said has its default, and a link leaves it out.
"""

import math
import re
from collections.abc import Mapping
from typing import Final, Literal, get_args

import numpy as np

from hedgeapp.core.records import record
from portfolio.core.scenarios.book import ScenarioBook
from portfolio.core.scenarios.presets import GRIDS
from portfolio.core.scenarios.shocks import Conditions, Floats
from portfolio.core.scenarios.typed import Typed

BookOf = Literal["linear", "inverse", "mixed", "live"]
Sweep = Literal["coins", "all"]
NAMES_MAX: Final = 20  # currencies, venues or custodians that are named
NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")

# Least and most of each number, as a person writes it; all but the first two are percent where not said otherwise.
BOUNDS: Final = {
    "value": (1.0, 1e15),
    "price": (1e-6, 1e12),
    "s": (0.0, 100.0),
    "coin": (0.0, 100.0),
    "w": (0.0, 100.0),
    "ratio": (0.0, 100.0),
    "mm": (0.0, 100.0),
    "x": (-99.0, 400.0),
    "basis": (-5_000.0, 5_000.0),  # bp
    "depeg": (-100.0, 100.0),
    "stable": (-99.0, 100.0),
    "haircut": (-100.0, 100.0),  # points
    "days": (0.0, 3_650.0),
    "funding": (-10.0, 10.0),  # of 8 hours
    "borrow": (0.0, 1_000.0),  # a year
    "staking": (0.0, 100.0),  # a year
    "cost": (0.0, 1_000.0),  # bp
}


class ScenarioIsRefused(ValueError):
    """A link asks for what no scenario can be."""


@record
class Asked:
    """What is asked for; see `BOUNDS` for units. `funding` none: each contract's own rate goes on."""

    book: BookOf = "linear"
    value: float = 1_000_000.0
    price: float = 2_000.0
    s: float = 0.0
    coin: float | None = None
    w: float = 50.0
    ratio: float = 90.0
    mm: float = 1.0
    x: float = -50.0
    basis: float = 0.0
    depeg: float = 0.0
    stable: float = 0.0
    haircut: float = 0.0
    days: float = 0.0
    funding: float | None = None
    borrow: float = 5.0
    staking: float = 3.0
    cost: float = 10.0
    grid: str = "documented"
    sweep: Sweep = "coins"
    betas: tuple[tuple[str, float], ...] = ()
    moves: tuple[tuple[str, float], ...] = ()
    failed: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()

    @property
    def typed(self) -> Typed:
        """The typed-in portfolio: a table's kind says which contracts hedge it and what its cash is."""
        w = {"linear": 0.0, "inverse": 1.0}.get(self.book, self.w / 100)
        coin = w if self.coin is None or self.book in ("linear", "inverse") else self.coin / 100
        return Typed(
            value=self.value,
            price=self.price,
            settlement_share=self.s / 100,
            coin_share=coin,
            inverse_share=w,
            collateral_ratio=self.ratio / 100,
            maintenance_rate=self.mm / 100,
        )

    @property
    def conditions(self) -> Conditions:
        """What holds at all steps."""
        days = math.ceil(self.days)
        path = () if self.funding is None else (self.funding / 100,) * days
        return Conditions(
            failed=frozenset(self.failed),
            frozen=frozenset(self.frozen),
            days=float(days),
            funding=path,
            borrow_rate=self.borrow / 100,
            staking_rate=self.staking / 100,
            cost_bp=self.cost,
        )

    @property
    def steps(self) -> Floats:
        """The price changes of the table, relative."""
        return np.array(GRIDS[self.grid], dtype=np.float64) / 100

    def query(self) -> dict[str, str]:
        """Return what a link says: all that differs from the default."""
        plain = Asked()
        said = {}
        for name in Asked.__struct_fields__:  # type: ignore[attr-defined]
            value = getattr(self, name)
            if value != getattr(plain, name):
                said[name] = _written(value)
        return said


def asked(query: Mapping[str, str]) -> Asked:
    """Read what is asked for; refuse in a sentence what is out of bounds or not known."""
    given: dict[str, object] = {}
    for name in BOUNDS:
        text = query.get(name, "").strip()
        if text:
            given[name] = number_within(name, text, *BOUNDS[name])
    for name, choices in (("book", get_args(BookOf)), ("sweep", get_args(Sweep)), ("grid", tuple(GRIDS))):
        text = query.get(name, "").strip()
        if text and text not in choices:
            raise ScenarioIsRefused(f"{name} expected one of {', '.join(choices)}, found {text[:40]!r}")
        if text:
            given[name] = text
    for name in ("failed", "frozen"):
        given[name] = _names(name, query.get(name, ""))
    for name in ("betas", "moves"):
        given[name] = _pairs(name, query.get(name, ""))
    return Asked(**given)  # type: ignore[arg-type]


def require_known(wanted: Asked, book: ScenarioBook) -> None:
    """Refuse in a sentence a venue, custodian or currency that the book has not: it would change nothing in silence."""
    venues = {one.venue for one in book.positions} | {one.venue for one in book.holdings if one.venue}
    custodians = {one.holder for one in book.holdings if not one.venue}
    there = (
        ("failed", wanted.failed, venues),
        ("frozen", wanted.frozen, custodians),
        ("betas", tuple(name for name, _ in wanted.betas), book.prices.keys()),
        ("moves", tuple(name for name, _ in wanted.moves), book.prices.keys()),
    )
    for what, names, known in there:
        unknown = next((name for name in names if name not in known), None)
        if unknown is not None:
            held = ", ".join(sorted(known)) or "nothing"
            raise ScenarioIsRefused(f"{what} expected among what the book has ({held}), found {unknown}")


def number_within(name: str, text: str, least: float, most: float) -> float:
    """Read a number as a person writes it; refuse in a sentence what is not within its bounds."""
    try:
        found = float(text.replace("−", "-").replace(",", "")) if len(text) <= 40 else math.nan
    except ValueError:
        found = math.nan
    if not least <= found <= most:
        raise ScenarioIsRefused(f"{name} expected a number from {least:,g} to {most:,g}, found {text[:40]!r}")
    return found


def _names(name: str, text: str) -> tuple[str, ...]:
    parts = tuple(part for part in (one.strip() for one in text[:1_000].split(",")) if part)
    bad = next((part for part in parts if not NAME.fullmatch(part)), None)
    if bad is not None or len(parts) > NAMES_MAX:
        raise ScenarioIsRefused(f"{name} expected up to {NAMES_MAX} names separated by commas, found {text[:40]!r}")
    return parts


def _pairs(name: str, text: str) -> tuple[tuple[str, float], ...]:
    pairs: list[tuple[str, float]] = []
    for part in (one.strip() for one in text[:1_000].split(",")):
        if not part:
            continue
        currency, _, number = part.partition(":")
        try:
            value = float(number.replace("−", "-"))
        except ValueError:
            value = math.nan
        is_allowed = -99.0 <= value <= 400.0 if name == "moves" else -10.0 <= value <= 10.0
        if not NAME.fullmatch(currency) or not is_allowed or len(pairs) >= NAMES_MAX:
            what = "moves from −99 to 400 %" if name == "moves" else "betas from −10 to 10"
            raise ScenarioIsRefused(f"{what} expected like BTC:0.8,SOL:1.2, found {part[:40]!r}")
        pairs.append((currency, value))
    return tuple(pairs)


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(one if isinstance(one, str) else f"{one[0]}:{one[1]:g}" for one in value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)
