"""Backing export: the cells of the balance sheet as lines of CSV that no spreadsheet takes for formulas."""

import csv
import io
from datetime import UTC, datetime

from portfolio.core.figures import Figure
from portfolio.core.frames import Frame
from portfolio.core.rows import SheetCell
from portfolio.screen.backing import reserve_sum
from portfolio.screen.order_export import exact, text

HEAD = (
    "place", "holder", "asset", "kind", "units", "usd", "state", "oldest_input_at", "because", "proof", "price_source",
    "price_proof", "open_breaks",
)  # fmt: skip


def sheet(frame: Frame) -> str:
    """Return a line for each cell, with all digits, then the assets, the supply and the net asset value.

    Cells of the place reserve come last of the cells and have a sum of their own: the assets are without them.
    """
    prices = {one.asset: one for one in frame.sheet.prices}
    lines = [[*_cell(one), *map(text, (prices[one.asset].source, prices[one.asset].proof)), str(one.breaks)]
             for one in (*frame.sheet.cells, *frame.sheet.reserve)]  # fmt: skip
    sums = (
        ("assets", frame.backing.assets_usd),
        ("supply", frame.backing.supply),
        ("nav", frame.backing.nav_usd),
        ("reserve fund", reserve_sum(frame)),
    )
    totals = [[name, "", "", "", "", exact(shown.value), *_state(shown), "", "", "", ""] for name, shown in sums]
    out = io.StringIO()
    csv.writer(out).writerows((HEAD, *lines, *totals))
    return out.getvalue()


def _cell(one: SheetCell) -> list[str]:
    named = [one.place, *map(text, (one.holder, one.asset, one.kind))]
    return [*named, exact(one.units.value), exact(one.usd.value), *_state(one.usd), text(one.proof)]


def _state(shown: Figure) -> list[str]:
    return [shown.state, _time(shown.at), text(shown.because)]


def _time(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
