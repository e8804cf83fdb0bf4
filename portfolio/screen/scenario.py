"""Scenario: what the page shows of a run: a step in words and numbers, accounts, tables, and what charts draw."""

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, assert_never

import numpy as np

from hedgeapp.core.records import record
from portfolio.core.scenarios.asked import Asked
from portfolio.core.scenarios.book import USD, ScenarioBook
from portfolio.core.scenarios.engine import Engine
from portfolio.core.scenarios.liquidation import Lines
from portfolio.core.scenarios.moved import Move, moves_of
from portfolio.core.scenarios.presets import curve, past_of
from portfolio.core.scenarios.run import LEAD, SECOND, Run, heat, lines, run, worst_ratio
from portfolio.core.scenarios.shocks import Floats
from portfolio.core.scenarios.table import Column, columns
from portfolio.screen.numbers import decimals_of, signed

SHOWN: Final = frozenset({"price", "staked", "whole"})  # groups of the table beside those of settlement assets
DIGITS: Final = 8  # of a number that a chart draws


@record
class Table:
    """Columns under their titles, and a row for each step; `marked` is the row of the step that is looked at."""

    heads: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]
    marked: int | None


@record
class Part:
    """One part of a composition: its name, units, worth and share, as text; empty where there is none."""

    name: str
    units: str
    usd: str
    share: str
    note: str = ""


@record
class AccountLine:
    """One margin at the step that is looked at, and where it is liquidated."""

    account: str
    asset: str
    balance: str
    maintenance: str
    headroom: str
    ratio: str
    is_past: bool
    liquidated: str


@record
class Shown:
    """All that the page shows of a scenario."""

    price: str
    past: str
    total: Part
    change: str
    held: tuple[Part, ...]
    swept: tuple[Part, ...]
    facts: tuple[tuple[str, str], ...]
    accounts: tuple[AccountLine, ...]
    table: Table
    swept_table: Table
    carry_table: Table | None
    charts: dict[str, Any]


def shown(book: ScenarioBook, asked: Asked, second: str) -> Shown:
    """Return what the page shows; `second` is the shock that the heat map has beside the price."""
    engine = Engine(book)
    step = run(book, asked, np.array([asked.x / 100]), engine)
    steps = run(book, asked, asked.steps, engine)
    found = columns(book, steps)
    place = next((row for row, move in enumerate(steps.moves) if math.isclose(move * 100, asked.x)), None)
    settling = {one.group for one in found if one.name.startswith("net_") and one.group not in ("whole",)}
    main = [one for one in found if one.group in SHOWN | settling]
    where = lines(engine, asked)
    now = float(run(book, asked, np.zeros(1), engine).held.total_usd[0])
    total = float(step.held.total_usd[0])
    return Shown(
        price=number(step.held.prices[LEAD][0], "USDT") if LEAD in step.held.prices else "",
        past=_past(book, asked),
        total=Part(name="total", units="", usd=number(total, USD), share=share_of(total, total), note=""),
        change=f"{(total / now - 1) * 100:+.2f} %".replace("-", "−") if now else "",
        held=held_parts(step),
        swept=_swept(step),
        facts=tuple(facts_of(book, step)),
        accounts=_accounts(step, where),
        table=table_of(main, place),
        swept_table=table_of([found[0], *(one for one in found if one.group == "swept")], place),
        carry_table=table_of([found[0], *(one for one in found if one.group == "carry")], place)
        if asked.days
        else None,
        charts=_charts(book, engine, asked, where, second),
    )


def _past(book: ScenarioBook, asked: Asked) -> str:
    """Return in a sentence what a move of history was, and which of the book's moves are recorded; else nothing."""
    past = past_of(asked.x)
    if past is None:
        return ""
    moves = [
        f"{one.currency} {signed(Decimal(repr(one.move * 100)), 1)} % {_because(one)}" for one in moves_of(book, asked)
    ]
    return f"{past.when}, from {past.first:,.2f} to {past.last:,.2f} ({past.series}): {', '.join(moves)}."


def _because(one: Move) -> str:
    match one.because:
        case "given":
            return "as recorded"
        case "asked":
            return "as asked for"
        case "beta":
            return f"by beta {one.beta:g}"
        case _:
            assert_never(one.because)


def held_parts(step: Run) -> tuple[Part, ...]:
    """Return what is held at the first step, part by part."""
    held = step.held
    parts = [
        Part(
            name=f"staked {asset}",
            units=number(units, asset),
            usd=number(units * held.prices[asset][0], USD),
            share=share_of(units * held.prices[asset][0], held.total_usd[0]),
        )
        for asset, units in held.staked.items()
    ]
    for asset, net in held.net.items():
        if not held.cash[asset] and not net[0]:
            continue
        gain = held.unrealized[asset][0]
        parts.append(
            Part(
                name=asset,
                units=number(net[0], asset),
                usd=number(net[0] * held.prices[asset][0], USD),
                share=share_of(net[0] * held.prices[asset][0], held.total_usd[0]),
                note=f"{number(held.cash[asset], asset)} cash, {number(gain, asset)} unrealized",
            )
        )
    return tuple(parts)


def _swept(step: Run) -> tuple[Part, ...]:
    after = step.swept
    parts = [
        Part(name="staked", units="", usd=number(after.staked_usd[0], USD), share=percent(after.staked_share[0])),
        Part(name="stablecoin", units="", usd=number(after.stable_usd[0], USD), share=percent(after.stable_share[0])),
    ]
    parts += [
        Part(name=f"{currency} short", units=number(short[0], currency), usd="", share="")
        for currency, short in after.short.items()
    ]
    traded = f"{number(after.cost_usd[0], USD)} USD of cost"
    return (*parts, Part(name="traded", units="", usd=number(after.turnover_usd[0], USD), share="", note=traded))


def facts_of(book: ScenarioBook, step: Run) -> Iterable[tuple[str, str]]:
    """Yield what is to be known of the first step beside its parts, by name."""
    held = step.held
    for asset in held.net:
        need = held.borrowed(asset)[0]
        if held.cash[asset] or held.net[asset][0]:
            yield f"borrow {asset}", number(need, asset)
    for currency in sorted(book.prices.keys() - book.stablecoins - {USD}):
        yield f"net delta {currency}", number(held.delta[currency][0], currency)
    if book.supply:
        yield "backing ratio", f"{held.total_usd[0] / book.supply:.4f}"
    yield "worst margin ratio", percent(worst_ratio(held)[0])
    if held.lost_usd[0]:
        yield "lost at failed venues USD", number(held.lost_usd[0], USD)
    if held.frozen_usd[0]:
        yield "cannot move USD", number(held.frozen_usd[0], USD)


def _accounts(step: Run, where: Sequence[Lines]) -> tuple[AccountLine, ...]:
    of_pool = {(one.account, one.asset): one for one in where}
    found = []
    for one in step.held.margins:
        unit = one.asset or USD
        line = of_pool.get((one.account, one.asset))
        found.append(
            AccountLine(
                account=one.account,
                asset=one.asset or "all assets, in USD",
                balance=number(one.balance[0], unit),
                maintenance=number(one.maintenance[0], unit),
                headroom=number(one.headroom[0], unit),
                ratio=percent(one.ratio[0]),
                is_past=bool(one.ratio[0] >= 1.0),
                liquidated=_where(line),
            )
        )
    return tuple(found)


def _where(line: Lines | None) -> str:
    if line is None:
        return "—"
    if line.is_past:
        return "past it now"
    said = [f"{one:,.4g} × {LEAD}" for one in (line.below, line.above) if one is not None]
    return " and ".join(said) or "no price"


def table_of(found: Sequence[Column], marked: int | None) -> Table:
    """Return columns as a table, the row `marked` standing out."""
    rows = zip(*([_cell(float(value), one) for value in one.values] for one in found), strict=True)
    heads = tuple((f"{one.group} {one.title}" if one.title in REPEATED else one.title, one.unit) for one in found)
    return Table(heads=heads, rows=tuple(rows), marked=marked)


REPEATED: Final = frozenset({"cash", "unrealized", "net", "borrow", "share"})


def _cell(value: float, column: Column) -> str:
    if column.name == "price_change_pct":
        return f"{value:+g}".replace("-", "−") if value else "0"
    return number(value, column.unit)


def _charts(book: ScenarioBook, engine: Engine, asked: Asked, where: Sequence[Lines], second: str) -> dict[str, Any]:
    drawn = run(book, asked, curve(), engine)
    held = drawn.held
    parts = [("staked", held.staked_share)] + [
        (asset, held.share(asset)) for asset, net in held.net.items() if held.cash[asset] or np.any(net)
    ]
    across, down, total, ratio = heat(engine, asked, second)
    now = float(run(book, asked, np.zeros(1), engine).held.total_usd[0])
    return {
        "moves": plain_numbers(drawn.moves * 100),
        "x": asked.x,
        "composition": [{"name": name, "values": plain_numbers(share * 100)} for name, share in parts],
        "unrealized": [
            {"name": asset, "values": plain_numbers(gain * held.prices[asset])}
            for asset, gain in held.unrealized.items()
            if np.any(gain)
        ],
        "ratios": [
            {"name": f"{one.account} {one.asset}".strip(), "values": plain_numbers(one.ratio * 100)}
            for one in held.margins
        ],
        "liquidations": [
            {"name": f"{one.account} {one.asset}".strip(), "move": (at - 1) * 100}
            for one in where
            for at in (one.below, one.above)
            if at is not None
        ],
        "heat": {
            "second": second,
            "moves": plain_numbers(across * 100),
            "others": plain_numbers(down * 100),
            "change": [plain_numbers((row / now - 1) * 100) for row in total] if now else [],
            "ratio": [plain_numbers(row * 100) for row in ratio],
        },
    }


def seconds() -> tuple[str, ...]:
    """Return the shocks that the heat map may have beside the price."""
    return tuple(SECOND)


def plain_numbers(values: Floats) -> list[float | None]:
    """Return numbers as JSON has them: what is not finite is none."""
    return [float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in values]


def number(value: float, unit: str) -> str:
    """Return a number as its unit is written; a dash where it is not known."""
    if not math.isfinite(value):
        return "—" if math.isnan(value) else "∞"
    text = f"{value:,.{decimals_of(unit)}f}"
    return text.replace("-", "−") if any(digit in text for digit in "123456789") else text.lstrip("-")


def percent(share: float) -> str:
    """Return a share as percent."""
    return f"{number(share * 100, '%')} %" if math.isfinite(share) else number(share, "%")


def share_of(part: float, whole: float) -> str:
    """Return what part of a whole something is, as percent."""
    return percent(part / whole) if whole else "—"
