"""Positions on the screen: by venue, with subtotals that reconcile, and the profit they made."""

from datetime import datetime
from typing import Final

from portfolio.core.rows import Agreement, FundingRow, PnlRow, PositionRow, PositionSubtotal, VenuePositions
from portfolio.screen.exposure import HUNDRED
from portfolio.screen.leaves import Level, figure, name, word
from portfolio.screen.page import Row, Section, row

PRICE_DECIMALS: Final = 2
_AGREEMENT: Final[dict[Agreement, tuple[str, Level]]] = {
    "agrees": ("agrees", "good"),
    "differs": ("differs", "bad"),
    "unknown": ("not stated", "idle"),
}


def positions(shown: tuple[VenuePositions, ...]) -> Section:
    """Return a row per venue; under it its subtotals and its positions."""
    return tuple(_venue(venue) for venue in shown)


def _venue(venue: VenuePositions) -> Row:
    here = name("venue", venue.venue)
    several = len({one.account for one in venue.rows}) > 1
    rows = tuple(_position(one, with_account=several) for one in venue.rows)
    subtotals = tuple(_subtotal(venue.venue, one) for one in venue.subtotals)
    return row(
        venue.venue,
        {"venue": venue.venue},
        {
            "notional_usd": figure(f"{here}-notional_usd", venue.notional_usd, "USD"),
            "unrealized_usd": figure(f"{here}-unrealized_usd", venue.unrealized_usd, "USD", sign=True),
        },
        (*rows, *subtotals),
    )


def _subtotal(venue: str, one: PositionSubtotal) -> Row:
    here = name("subtotal", venue, one.settlement)
    unit = one.settlement
    return row(
        f"subtotal:{venue}:{unit}",
        {"settlement": unit, "count": f"{one.positions} position{'' if one.positions == 1 else 's'}"},
        {
            "notional": figure(f"{here}-notional", one.notional, unit),
            "unrealized": figure(f"{here}-unrealized", one.unrealized, unit, sign=True),
            "unrealized_usd": figure(f"{here}-unrealized_usd", one.unrealized_usd, "USD", sign=True),
        },
    )


def _position(one: PositionRow, *, with_account: bool) -> Row:
    here = name("position", one.account, one.instrument)
    said, level = _AGREEMENT[one.agreement]
    settled = one.settlement
    leaves = {
        "size": figure(f"{here}-size", one.size, one.size_unit, sign=True),
        "entry": figure(f"{here}-entry", one.entry_price, one.quote, decimals=PRICE_DECIMALS),
        "mark": figure(f"{here}-mark", one.mark, one.quote, decimals=PRICE_DECIMALS),
        "liquidation": figure(
            f"{here}-liquidation", one.liquidation_price, one.quote, decimals=PRICE_DECIMALS, none="no price"
        ),
        "away": figure(
            f"{here}-away", one.liquidation_away, "%", sign=True, decimals=1, scale=HUNDRED, none="never", suffix=" %"
        ),
        "hours": figure(
            f"{here}-hours",
            one.liquidation_hours,
            "h",
            decimals=1,
            none="never" if one.liquidation_price.value is None else "no move set",
            suffix=" h",
        ),
        "unrealized": figure(f"{here}-unrealized", one.unrealized, settled, sign=True),
        "unrealized_usd": figure(f"{here}-unrealized_usd", one.unrealized_usd, "USD", sign=True),
        "quantity": figure(f"{here}-quantity", one.quantity, "contracts", sign=True, decimals=3),
        "stated": figure(f"{here}-stated", one.stated_quantity, "contracts", sign=True, decimals=3),
        "agreement": word(f"{here}-agreement", said, level),
        "delta": figure(f"{here}-delta", one.delta, one.base, sign=True),
        "notional": figure(f"{here}-notional", one.notional, settled),
        "notional_usd": figure(f"{here}-notional_usd", one.notional_usd, "USD"),
        "settlement_price": figure(
            f"{here}-settlement_price", one.settlement_price, one.quote, decimals=PRICE_DECIMALS
        ),
        "index": figure(f"{here}-index", one.index, one.quote, decimals=PRICE_DECIMALS),
        "basis": figure(f"{here}-basis", one.basis_bp, "bp", sign=True, decimals=1),
        "realized": figure(f"{here}-realized", one.realized, settled, sign=True),
        "funding_rate": figure(f"{here}-funding_rate", one.funding_rate, "%", sign=True, decimals=4, scale=HUNDRED),
        "funding_24h": figure(f"{here}-funding_24h", one.funding_24h, settled, sign=True),
    }
    return row(f"{one.account}:{one.instrument}", _labels(one, with_account=with_account), leaves, _paid(one, here))


def _paid(one: PositionRow, here: str) -> tuple[Row, ...]:
    return tuple(
        row(
            f"{what}:{each.asset}",
            {"what": what, "asset": each.asset},
            {"amount": figure(f"{here}-{what}-{each.asset}", each.figure, each.asset, sign=True)},
        )
        for what, amounts in (("fees", one.fees), ("funding", one.funding))
        for each in amounts
    )


def _labels(one: PositionRow, *, with_account: bool) -> dict[str, str | None]:
    return {
        "symbol": one.symbol,
        "instrument": one.instrument,
        "account": one.account,
        "label": one.account.partition(":")[2] if with_account else None,
        "kind": one.kind if one.expiry == "perpetual" else f"{one.kind}, {_day(one.expires_at)}",
        "size_unit": one.size_unit,
        "settlement": one.settlement,
        "base": one.base,
        "quote": one.quote,
        "contract": f"{one.contract_size.normalize():f} {one.size_unit}",
        "funding_at": f"{one.funding_at:%H:%M} UTC" if one.funding_at else None,
        "opened_at": f"{one.opened_at:%Y-%m-%d %H:%M:%S} UTC",
        "differs": "differs" if one.agreement == "differs" else None,
    }


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at else "dated"


def pnl(shown: tuple[PnlRow, ...], expected: tuple[FundingRow, ...]) -> Section:
    """Return profit per settlement asset: its three parts, fees and funding, and the funding expected in 24 hours."""
    coming = {one.asset: one for one in expected}
    return tuple(_profit(one, coming.get(one.asset)) for one in shown)


def _profit(one: PnlRow, coming: FundingRow | None) -> Row:
    here = name("pnl", one.asset)
    columns = ("unrealized", "realized_unsettled", "settled", "fees", "funding", "total")
    leaves = {column: figure(f"{here}-{column}", getattr(one, column), one.asset, sign=True) for column in columns}
    leaves["total_usd"] = figure(f"{here}-total_usd", one.total_usd, "USD", sign=True)
    if coming:
        leaves["expected"] = figure(f"{here}-expected", coming.expected, one.asset, sign=True)
    return row(one.asset, {"asset": one.asset}, leaves)
