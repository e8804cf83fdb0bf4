"""Backing as a page: the balance sheet by place, its composition, what exchanges owe, and what stands beside.

Frame -> sections. The totals are those of the Overview: the same figures of the same frame.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from hedgeapp.live import Leaf, age
from portfolio.core.backing_sheet import cut
from portfolio.core.figures import Figure, none_of, total, unknown
from portfolio.core.frames import Frame
from portfolio.core.kpis import BACKING_WARNED
from portfolio.core.rows import BackingRow, Nature, Owed, Place, SheetCell, SheetPrice
from portfolio.screen.accrued import accrued_rows, accrued_sum
from portfolio.screen.exposure import HUNDRED, LEVELS
from portfolio.screen.leaves import Level, bar, figure, name, word
from portfolio.screen.numbers import span
from portfolio.screen.page import Row, Section, row

RATE_DECIMALS: Final = 4
CENTS: Final = 2
PLACES: Final[dict[Place, tuple[str, str]]] = {
    "chain": ("on chain", "no wallet on a chain holds anything"),
    "custodian": ("custodians, not mirrored", "no custodian holds anything"),
    "delegated": ("delegated (mirrored to exchanges)", "nothing is mirrored to an exchange"),
    "exchange": ("exchange cash, without what is mirrored", "no account has any cash"),
    "unrealized": ("unrealized PnL by settlement asset", "no position is open"),
}
NATURES: Final[dict[Nature, str]] = {"staked": "staked", "stablecoin": "stablecoins", "coin": "coins, not staked"}
RESERVE: Final = "the reserve fund's own wallets, listed above; in no sum of the balance sheet"
UNSETTLED: Final = (
    "none apart: venues book a realized profit into the balance at once, so it is in the exchange cash above until the "
    "custodian settles"
)
ACCRUED: Final = "not counted until it is paid, and then in the exchange cash; by position below"
BORROWED: Final = "what accounts owe their venues; it is in the cells above already, and not taken off again"


def sections(frame: Frame) -> dict[str, Any]:
    """Return what the page shows of a frame."""
    return {
        "head": _head(frame),
        "places": _places(frame),
        "reserve": _reserve(frame),
        "natures": _shares("nature", cut(frame.sheet.cells, lambda cell: cell.nature), NATURES),
        "kinds": _shares("kind", frame.backing.rows, {}),
        "prices": tuple(_price(one) for one in frame.sheet.prices),
        "owed": tuple(_owed(one, frame.at) for one in frame.sheet.owed),
        "beside": tuple(_beside(frame)),
        "accrued": accrued_rows(frame),
        "missing": frame.sheet.missing,
        "taken_at": frame.at,
        "seq": frame.seq,
    }


def _head(frame: Frame) -> Row:
    backed = frame.backing
    headline = next((kpi for kpi in frame.kpis if kpi.key == "backing_ratio"), None)
    health = headline.health if headline else "unknown"
    limit = f"{BACKING_WARNED * HUNDRED:.0f} %"
    said = {"good": f"above {limit}", "warning": f"below {limit}", "bad": "below 100 %", "unknown": "not known"}
    leaves = {
        "assets": figure("sheet-assets", backed.assets_usd, "USD", decimals=CENTS),
        "total": figure("sheet-total", backed.assets_usd, "USD", decimals=CENTS),
        "supply": figure("sheet-supply", backed.supply, "USD", decimals=CENTS),
        "nav": figure("sheet-nav", backed.nav_usd, "USD", decimals=CENTS, sign=True),
        "ratio": figure("sheet-ratio", backed.ratio, "%", decimals=CENTS, scale=HUNDRED, suffix=" %"),
        "word": word("sheet-word", said[health], LEVELS[health], backed.ratio.because),
    }
    return row("head", {"limit": limit}, leaves)


def _places(frame: Frame) -> Section:
    """Return a row per place, with its sum; under it a row per cell."""
    sums = {one.kind: one for one in cut(frame.sheet.cells, lambda cell: cell.place)}
    prices = {one.asset: one for one in frame.sheet.prices}
    return tuple(_place(place, sums.get(place), frame, prices) for place in PLACES)


def _place(place: Place, summed: BackingRow | None, frame: Frame, prices: dict[str, SheetPrice]) -> Row:
    label, empty = PLACES[place]
    here = name("sheet", place)
    nothing = unknown(frame.sheet.missing) if frame.sheet.missing else none_of((), empty)
    usd, share = (summed.usd, summed.share) if summed else (nothing, nothing)
    cells = [cell for cell in frame.sheet.cells if cell.place == place]
    leaves = {
        "usd": figure(f"{here}-usd", usd, "USD", decimals=CENTS),
        "share": figure(f"{here}-share", share, "%", decimals=1, scale=HUNDRED, suffix=" %"),
    }
    texts = {"place": label, "empty": "" if cells else nothing.because}
    return row(place, texts, leaves, tuple(_cell(cell, prices[cell.asset], frame.at) for cell in cells))


def _reserve(frame: Frame) -> Row:
    """Return the reserve fund: its sum, under it a row per wallet and asset."""
    prices = {one.asset: one for one in frame.sheet.prices}
    leaves = {"usd": figure("sheet-reserve-usd", reserve_sum(frame), "USD", decimals=CENTS)}
    cells = tuple(_cell(cell, prices[cell.asset], frame.at) for cell in frame.sheet.reserve)
    return row("reserve", {"empty": _empty(frame) if not cells else ""}, leaves, cells)


def _empty(frame: Frame) -> str:
    fund = reserve_sum(frame)
    return fund.because if fund.value is None else "its wallets hold nothing, as their chain says"


def reserve_sum(frame: Frame) -> Figure:
    """Return what the reserve fund is worth, in USD."""
    return frame.sheet.reserve_usd or unknown("no frame has told it")


def _cell(cell: SheetCell, price: SheetPrice, at: datetime) -> Row:
    here = name("sheet", cell.place, cell.holder, cell.asset)
    leaves = {
        "units": figure(f"{here}-units", cell.units, cell.asset),
        "usd": figure(f"{here}-usd", cell.usd, "USD", decimals=CENTS),
        "price": _signed(f"{here}-price", cell.usd, price, cell.place),
    }
    if cell.breaks:
        said = f"{cell.breaks} open {'break' if cell.breaks == 1 else 'breaks'}"
        leaves["breaks"] = word(f"{here}-breaks", said, "bad", "reconciliation found another number there")
    texts = {"holder": cell.holder, "asset": cell.asset, "proof": cell.proof, "age": _age(cell.usd, at)}
    return row(f"{cell.place}:{cell.holder}:{cell.asset}", texts, leaves)


def _signed(id: str, usd: Figure, price: SheetPrice, place: Place) -> Leaf:
    """Return who stands behind the price of a cell, in a word, and the whole of it on hover."""
    if usd.state in ("unknown", "stale", "assumed"):
        return word(id, usd.state, "warn", usd.because)
    if place == "unrealized":
        return word(id, "venue's mark", "idle", f"a mark is its venue's own word; {price.asset}: {price.proof}")
    level: Level = "good" if price.is_signed else "idle"
    return word(id, "signed" if price.is_signed else "unsigned", level, f"{price.source}: {price.proof}")


def _age(shown: Figure, at: datetime) -> str:
    return age(max(at - shown.at, timedelta(0))) if shown.at else "—"


def _shares(cut_by: str, rows: Iterable[BackingRow], words: dict[Any, str]) -> Section:
    """Return the composition: what each kind is worth and its share of all assets."""
    return tuple(_share(cut_by, one, words.get(one.kind, one.kind)) for one in rows)


def _share(cut_by: str, one: BackingRow, label: str) -> Row:
    here = name("sheet", cut_by, one.kind)
    leaves = {
        "usd": figure(f"{here}-usd", one.usd, "USD", decimals=CENTS),
        "share": figure(f"{here}-share", one.share, "%", decimals=1, scale=HUNDRED, suffix=" %"),
        "bar": bar(f"{here}-bar", one.share.value, "good"),
    }
    return row(one.kind, {"kind": label}, leaves)


def _price(one: SheetPrice) -> Row:
    here = name("sheet", "priced", one.asset)
    leaves = {"usd": figure(f"{here}-usd", one.usd, "USD", decimals=RATE_DECIMALS)}
    return row(one.asset, {"asset": one.asset, "source": one.source, "proof": one.proof}, leaves)


def _owed(one: Owed, at: datetime) -> Row:
    here = name("sheet", "owed", one.account)
    leaves = {
        "cash": figure(f"{here}-cash", one.cash_usd, "USD", decimals=CENTS, sign=True),
        "unrealized": figure(f"{here}-unrealized", one.unrealized_usd, "USD", decimals=CENTS, sign=True),
        "net": figure(f"{here}-net", one.net_usd, "USD", decimals=CENTS, sign=True),
        "risk": figure(f"{here}-risk", one.at_risk_usd, "USD", decimals=CENTS),
        "due": _due(f"{here}-due", one, at),
    }
    return row(one.account, {"account": one.account, "because": one.because}, leaves)


def _due(id: str, one: Owed, at: datetime) -> Leaf:
    """Return how long it is until the next settlement, or since it should have come."""
    if one.due_at is None or one.settled_at is None:
        return word(id, "—", "idle", one.because)
    because = f"settled {one.settled_at:%Y-%m-%d %H:%M} UTC, next by its cycle {one.due_at:%Y-%m-%d %H:%M} UTC"
    if one.due_at < at:
        return word(id, f"overdue {span(at - one.due_at)}", "warn", because)
    return word(id, f"in {span(one.due_at - at)}", "idle", because)


def _beside(frame: Frame) -> Iterator[Row]:
    """Yield what is not in the sum of its own: told apart, in it already, or not known."""
    expected = total(one.expected_usd for one in frame.funding)
    reserve = reserve_sum(frame)
    borrowed = frame.sheet.borrowed_usd or unknown("no frame has told it")
    lines = (
        ("reserve", "reserve fund", reserve, reserve.because if reserve.value is None else RESERVE),
        ("unsettled", "realized, not settled", none_of((), UNSETTLED), UNSETTLED),
        ("accrued", "accrued funding", accrued_sum(frame), ACCRUED),
        ("expected", "funding expected in 24 h", expected, "at the rate of the next payment; not in the assets"),
        ("borrowed", "borrowed", borrowed, BORROWED),
    )
    for key, label, shown, because in lines:
        leaf = figure(f"sheet-{key}", shown, "USD", decimals=CENTS, sign=key in ("expected", "accrued"))
        yield row(key, {"name": label, "because": because}, {"usd": leaf})
