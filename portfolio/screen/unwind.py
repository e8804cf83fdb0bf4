"""Unwind: what the page shows of a run of redemptions: what it comes to, where, when, and what the chart draws."""

from collections.abc import Iterator
from typing import Any, Final

from hedgeapp.core.records import record
from portfolio.core.scenarios.book import USD
from portfolio.core.scenarios.unwind_book import UnwindBook
from portfolio.core.scenarios.unwind_outcome import Line, Profit, Unwind
from portfolio.core.scenarios.unwind_sources import Fetched
from portfolio.core.scenarios.unwind_table import unwind_columns
from portfolio.screen.scenario import Table, number, plain_numbers, table_of

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
class UnwindShown:
    """All that the page shows of a run."""

    facts: tuple[tuple[str, str], ...]
    lines: tuple[LineShown, ...]
    sources: tuple[SourceShown, ...]
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
        profits=tuple(_profit(one) for one in found.profits),
        table=table_of(columns, None) if found.hours else None,
        charts={one.name: plain_numbers(one.values) for one in columns if one.name in DRAWN},
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
