"""Unwind: what the page shows of a run of redemptions: what it comes to, where, when, and what the chart draws."""

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from hedgeapp.core.records import record
from portfolio.core.scenarios.book import USD
from portfolio.core.scenarios.shocks import Floats
from portfolio.core.scenarios.unwind_book import UnwindBook
from portfolio.core.scenarios.unwind_margins import Room
from portfolio.core.scenarios.unwind_outcome import Line, Profit, Return, Unwind
from portfolio.core.scenarios.unwind_sources import Fetched
from portfolio.core.scenarios.unwind_table import unwind_columns
from portfolio.screen.scenario import Table, number, percent, plain_numbers, table_of

UNKNOWN: Final = "not known"
DRAWN: Final = frozenset({"hour", "hot_usd", "hedge_left_usd", "slippage_total_usd", "waiting_usd"})
PLACES: Final = {"hot": "contract", "custodian": "custodian", "delegated": "mirrored to an account"}


@record
class LineShown:
    """One instrument as text; a sum over all has no instrument."""

    instrument: str
    venue: str
    coin: str
    closed: str
    left: str
    share: str
    slippage: str
    bp: str
    fees: str


@record
class SourceShown:
    """Where collateral is, what of it is asked for, and when it comes, as text."""

    place: str
    holder: str
    asset: str
    held: str
    fetched: str
    usd: str
    wait: str
    because: str


@record
class ProfitShown:
    """What an account has unrealized and realizes, and when that is settled, as text."""

    account: str
    unrealized: str
    realized: str
    wait: str
    cycle: str
    settled: str
    because: str


@record
class RoomShown:
    """A margin during the run, and what its account is asked to give back, as text; `is_bad` where it lacks room."""

    name: str
    now: str
    least: str
    ratio: str
    asked: str
    first: str
    last: str
    state: str
    is_bad: bool


@record
class UnwindShown:
    """All that the page shows of a run."""

    facts: tuple[tuple[str, str], ...]
    lines: tuple[LineShown, ...]
    sources: tuple[SourceShown, ...]
    rooms: tuple[RoomShown, ...]
    profits: tuple[ProfitShown, ...]
    table: Table | None
    charts: dict[str, Any]


def unwind_shown(book: UnwindBook, found: Unwind) -> UnwindShown:
    """Return what the page shows of a run."""
    columns = unwind_columns(found)
    return UnwindShown(
        facts=facts_of_unwind(found),
        lines=tuple(_line(one) for one in found.lines),
        sources=tuple(_sources(book, found)),
        rooms=tuple(_rooms(found)),
        profits=tuple(_profit(one) for one in found.profits),
        table=table_of(columns, None) if found.hours else None,
        charts={one.name: plain_numbers(one.values) for one in columns if one.name in DRAWN}
        | {
            "headrooms": [{"name": name, "values": plain_numbers(values)} for name, values in _headrooms(found).items()]
        },
    )


def facts_of_unwind(found: Unwind) -> tuple[tuple[str, str], ...]:
    """Return what a run comes to in all, by name."""
    closed = found.closed
    waits = [one.settled_by for one in found.profits if one.realized_usd and one.settled_by is not None]
    return (
        ("asked for USD", number(found.target_usd, USD)),
        ("redeemed USD", number(found.redeemed_usd, USD)),
        ("not redeemed USD", number(max(0.0, found.target_usd - found.redeemed_usd), USD)),
        ("all redeemed", _hour(found.paid_at)),
        ("flat again", _hour(found.flat_at)),
        ("contract runs dry", "does not" if found.dry_at is None else f"in hour {found.dry_at}"),
        ("least headroom USD", _least(found)),
        ("held back USD", number(sum(one.asked_usd - one.at_first_usd for one in found.returns), USD)),
        ("slippage USD", number(closed.slippage_usd, USD)),
        ("slippage bp", _of(closed.slippage_bp, "bp")),
        ("fees USD", number(closed.fees_usd, USD)),
        ("last profit settled", f"after {number(max(waits), 'h')} h" if waits else "—"),
    )


def _line(one: Line) -> LineShown:
    return LineShown(
        instrument=one.instrument,
        venue=one.venue,
        coin=number(one.coin, one.currency),
        closed=number(one.closed.coin, one.currency),
        left=number(one.left, one.currency),
        share=UNKNOWN if one.share_of_interest is None else f"{one.share_of_interest * 100:,.3f} %",
        slippage=number(one.closed.slippage_usd, USD),
        bp=_of(one.closed.slippage_bp, "bp"),
        fees=number(one.closed.fees_usd, USD),
    )


def _sources(book: UnwindBook, found: Unwind) -> Iterator[SourceShown]:
    for one in book.held:
        if one.source == "hot":
            units, usd = number(one.units, one.asset), number(one.usd, USD)
            yield SourceShown(
                place=PLACES["hot"], holder=one.holder, asset=one.asset, held=units, fetched="", usd=usd, wait="there",
                because="",
            )  # fmt: skip
    for fetched in found.fetched:
        yield _source(fetched)


def _source(one: Fetched) -> SourceShown:
    return SourceShown(
        place=PLACES[one.held.source],
        holder=one.held.holder,
        asset=one.held.asset,
        held=number(one.held.units, one.held.asset),
        fetched=number(one.units, one.held.asset),
        usd=number(one.usd, USD),
        wait=UNKNOWN if one.wait is None else f"{number(one.wait, 'h')} h",
        because=one.because,
    )


def _headrooms(found: Unwind) -> dict[str, Floats]:
    """Return each margin's headroom by hour."""
    return {name: np.array([hour.rooms[name].headroom_usd for hour in found.hours]) for name in sorted(found.rooms)}


def _least(found: Unwind) -> str:
    known = [hour for hour in found.hours if not math.isnan(hour.headroom_usd)]
    if not known:
        return UNKNOWN
    hour = min(known, key=lambda one: one.headroom_usd)
    return f"{number(hour.headroom_usd, USD)}, {_hour(hour.number)}"


def _rooms(found: Unwind) -> Iterator[RoomShown]:
    """Return a line for each margin; accounts that give back and have no position follow, with no margin to keep."""
    returns = {one.account: one for one in found.returns}
    names = {name: name.partition(" ")[0] for name in sorted(found.rooms)}
    names |= {account: account for account in sorted(returns.keys() - set(names.values()))}
    for name, account in names.items():
        yield _room(name, found, returns.get(account))


def _room(name: str, found: Unwind, back: Return | None) -> RoomShown:
    now = found.rooms.get(name)
    during = [hour.rooms[name] for hour in found.hours] if now else []
    known = [one for one in during if not math.isnan(one.headroom_usd)]
    state, is_bad = _state(now, known, back)
    return RoomShown(
        name=name,
        now=number(now.headroom_usd, USD) if now else "—",
        least=number(min((one.headroom_usd for one in known), default=math.nan), USD),
        ratio=percent(max((one.ratio for one in known), default=math.nan)),
        asked=number(back.asked_usd, USD) if back else "",
        first=f"{number(back.at_first_usd, USD)} after {number(back.first, 'h')} h" if back else "",
        last=_after_all(back) if back else "",
        state=state,
        is_bad=is_bad,
    )


def _state(now: Room | None, known: list[Room], back: Return | None) -> tuple[str, bool]:
    if now is not None and math.isnan(now.headroom_usd):
        return "margin not known: nothing is counted on" if back else "margin not known", True
    if back is not None and back.is_held_back:
        return "more is asked back than its headroom lets go", True
    if any(one.headroom_usd < 0 for one in known):
        return "headroom below 0", True
    return "enough", False


def _after_all(back: Return) -> str:
    return "not within the run" if back.last is None else f"after {number(back.last, 'h')} h"


def _profit(one: Profit) -> ProfitShown:
    return ProfitShown(
        account=one.account,
        unrealized=number(one.unrealized_usd, USD),
        realized=number(one.realized_usd, USD),
        wait=UNKNOWN if one.wait.hours is None else f"{number(one.wait.hours, 'h')} h",
        cycle=UNKNOWN if one.wait.cycle is None else f"{number(one.wait.cycle, 'h')} h",
        settled="—" if not one.realized_usd else _after(one.settled_by),
        because=one.wait.because,
    )


def _hour(hour: int | None) -> str:
    return "not within the run" if hour is None else f"in hour {hour}"


def _after(hours: float | None) -> str:
    return UNKNOWN if hours is None else f"after {number(hours, 'h')} h"


def _of(value: float | None, unit: str) -> str:
    return "—" if value is None else number(value, unit)
