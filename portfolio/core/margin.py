"""Margin: how far each account is from liquidation.  Book x Marks x tiers -> MarginRow

Cross margin, each settlement asset by itself: margin balance = wallet + unrealized PnL of what settles in it; or all
assets of an account together, where its venue lets them stand for each other (`unified_margin.py`). The
liquidation price is solved over the tiers of all contracts on a currency together, while only that currency moves and
their marks keep their ratios (`liquidation.py`, `docs/arithmetic.md`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Literal

from hedgeapp.core.amounts import ONE, ZERO
from hedgeapp.core.instruments import Tier
from portfolio.core.figures import Figure, derived, none_of, total, unknown
from portfolio.core.liquidation import Leg, crossings, initial, maintenance
from portfolio.core.pnl import ValuedPosition, in_usd
from portfolio.core.position_tiers import tiers_of, without_tiers
from portfolio.core.rows import LiquidationRow, MarginRow
from portfolio.core.unified_margin import MarginFigures, hours_until, is_unified, unified_figures, wallet_of
from portfolio.core.valuation import USD, Valuation


def margin_rows(positions: Iterable[ValuedPosition], valuation: Valuation) -> tuple[MarginRow, ...]:
    """Return the margin of each account: a row if it is unified, else one for each asset that something settles in."""
    groups: dict[tuple[str, str], list[ValuedPosition]] = {}
    settled_at = {(one.venue, one.settlement) for one in valuation.catalogue.contracts}
    for account, asset in valuation.book.balances:
        known = valuation.catalogue.accounts.get(account)
        if is_unified(account, valuation):
            groups[account, USD] = []
        elif known is not None and (known.venue, asset) in settled_at:
            groups[account, asset] = []
    for one in positions:
        if one.position.size:
            account = one.position.account
            unit = USD if is_unified(account, valuation) else one.settlement
            groups.setdefault((account, unit), []).append(one)
    return tuple(_row(account, unit, groups[account, unit], valuation) for account, unit in sorted(groups))


def margin_row(account: str, asset: str, positions: Iterable[ValuedPosition], valuation: Valuation) -> MarginRow | None:
    """Return the margin that carries what settles in an asset: of the whole account if it is unified.

    None when the account holds nothing that counts there and has no position.
    """
    ours = [one for one in positions if one.position.size and one.position.account == account]
    if is_unified(account, valuation):
        has_row = ours or any(name == account for name, _ in valuation.book.balances)
        return _row(account, USD, ours, valuation) if has_row else None
    inside = [one for one in ours if one.settlement == asset]
    has_row = inside or ((account, asset) in valuation.book.balances and _is_margin(account, asset, valuation))
    return _row(account, asset, inside, valuation) if has_row else None


def _is_margin(account: str, asset: str, valuation: Valuation) -> bool:
    """Tell whether something settles in an asset where the account is."""
    known = valuation.catalogue.accounts.get(account)
    contracts = valuation.catalogue.contracts
    return known is not None and any((known.venue, asset) == (one.venue, one.settlement) for one in contracts)


def _row(account: str, unit: str, positions: list[ValuedPosition], valuation: Valuation) -> MarginRow:
    found = _figures(account, unit, positions, valuation)
    balance, kept = found.balance, found.maintenance
    headroom = derived(lambda have, need: have - need, balance, found.initial)
    past = kept.value is not None and balance.value is not None and kept.value >= balance.value and kept.value > 0
    ratio = none_of((balance, kept), "the margin balance is not positive: the account is past liquidation")
    if balance.value is None or kept.value is None or balance.value > 0:
        ratio = derived(lambda need, have: need / have, kept, balance)
    elif not kept.value:
        ratio = none_of((balance, kept), "there is neither a margin balance nor a position")
    rows = found.liquidations
    if past:
        now = none_of((balance, kept), "the account is past liquidation now")
        rows = tuple(replace(row, direction="none", price=now, multiple=now) for row in rows)
    known = valuation.catalogue.accounts.get(account)
    return MarginRow(
        account=account,
        venue=known.venue if known else account.partition(":")[0],
        settlement=unit,
        wallet=found.wallet,
        unrealized=found.unrealized,
        margin_balance=balance,
        initial_margin=found.initial,
        maintenance_margin=kept,
        margin_ratio=ratio,
        headroom=headroom,
        headroom_usd=in_usd(headroom, unit, valuation),
        is_past_liquidation=past,
        liquidations=tuple(
            replace(row, hours=hours_until(row.currency, row.multiple, valuation))
            for row in sorted(rows, key=_distance)
        ),
    )


def _figures(account: str, unit: str, positions: list[ValuedPosition], valuation: Valuation) -> MarginFigures:
    """Return what the margin comes to, which is solved again only when something that it rests on changed."""
    of_account = unified_figures if unit == USD else partial(_cross_figures, asset=unit)
    assets = sorted(
        {of for name, of in valuation.book.balances if name == account} | {one.settlement for one in positions}
    )
    terms, limits = valuation.book.terms, valuation.catalogue.limits_by_subject
    inputs = (
        *positions,
        *(one.position.held for one in positions),
        *(terms.leverage(account, one.instrument.id) for one in positions),
        *(valuation.catalogue.currency(one.instrument.base) for one in positions),
        *((of, wallet_of(account, of, valuation), valuation.unit_usd(of), valuation.usd(of)) for of in assets),
        *(limits.get(("borrow_maintenance", of)) for of in assets),
        terms.collateral.get(account),
    )
    return valuation.workings.of(("margin", account, unit), inputs, lambda: of_account(account, positions, valuation))


def _cross_figures(account: str, positions: list[ValuedPosition], valuation: Valuation, *, asset: str) -> MarginFigures:
    """Return the margin of one settlement asset by itself."""
    wallet = wallet_of(account, asset, valuation)
    unrealized = total(one.unrealized for one in positions)
    balance = total((wallet, unrealized))
    kept = total(_required(one, maintenance) for one in positions)
    past = kept.value is not None and balance.value is not None and kept.value >= balance.value and kept.value > 0
    return MarginFigures(
        wallet=wallet,
        unrealized=unrealized,
        balance=balance,
        initial=total(_initial(one, valuation) for one in positions),
        maintenance=kept,
        liquidations=_liquidations(wallet, positions, is_past=past),
    )


def _initial(one: ValuedPosition, valuation: Valuation) -> Figure:
    leverage = valuation.book.terms.leverage(one.position.account, one.instrument.id)
    return _required(one, lambda tiers, value: initial(tiers, value, leverage))


def _required(one: ValuedPosition, rule: Callable[[Sequence[Tier], Decimal], Decimal]) -> Figure:
    tiers = tiers_of(one)
    if not tiers:
        return unknown(without_tiers(one.instrument.id))
    return derived(lambda worth: rule(tiers, abs(worth)), one.worth)


def _liquidations(wallet: Figure, positions: list[ValuedPosition], *, is_past: bool) -> tuple[LiquidationRow, ...]:
    """Return where each currency alone liquidates; what all of them rest on is summed once, not once for each."""
    by_base: dict[str, list[ValuedPosition]] = {}
    for one in positions:
        by_base.setdefault(one.instrument.base, []).append(one)
    rests_on = total((wallet, *(figure for one in positions for figure in (one.worth, one.unrealized))))
    missing = next((without_tiers(one.instrument.id) for one in positions if not one.instrument.tiers), "")
    leave = {} if missing else {base: _leave(moved) for base, moved in by_base.items()}
    rows: list[LiquidationRow] = []
    for base, moved in sorted(by_base.items()):
        others = sum((left for other, left in leave.items() if other != base), wallet.value or ZERO)
        rows += _liquidations_by(base, moved, rests_on, others, missing=missing, is_past=is_past)
    return tuple(rows)


def _leave(positions: list[ValuedPosition]) -> Decimal:
    """Return the unrealized profit of positions less the maintenance margin that they need."""
    return sum(
        (
            (one.unrealized.value or ZERO) - maintenance(tiers_of(one), abs(one.worth.value or ZERO))
            for one in positions
        ),
        ZERO,
    )


def _distance(row: LiquidationRow) -> Decimal:
    k = row.multiple.value
    return Decimal("Infinity") if k is None else _away(k)


def _away(k: Decimal) -> Decimal:
    return max(k, ONE / k)


def _liquidations_by(
    base: str, moved: list[ValuedPosition], rests_on: Figure, others: Decimal, *, missing: str, is_past: bool
) -> Iterable[LiquidationRow]:
    largest = max(moved, key=lambda one: abs(one.worth.value or ZERO))
    quote = largest.instrument.quote

    def row(direction: Literal["rise", "fall", "none"], multiple: Figure) -> LiquidationRow:
        price = multiple
        if multiple.value is not None:
            price = derived(lambda k, mark: k * mark, multiple, largest.mark)
        return LiquidationRow(currency=base, quote=quote, direction=direction, price=price, multiple=multiple)

    if missing:
        return [row("none", unknown(missing))]
    if len({one.position.kind for one in moved}) > 1:
        mixed = f"linear and inverse contracts on {base} settle in one asset: they are not solved together"
        return [row("none", unknown(mixed))]
    if rests_on.value is None:
        return [row("none", rests_on)]
    if is_past:
        return [row("none", none_of((rests_on,), "the account is past liquidation now"))]
    found = sorted(_multiples(others, moved), key=_away)
    if not found:
        return [row("none", none_of((rests_on,), f"no price of {base} alone liquidates the account"))]
    return [row("rise" if k > ONE else "fall", derived(lambda _, k=k: k, rests_on)) for k in found]


def _multiples(constant: Decimal, moved: list[ValuedPosition]) -> list[Decimal]:
    """Return the multiples of the present prices at which no margin is left, `constant` being what does not move."""
    is_linear = moved[0].position.kind == "linear"
    slope = ZERO
    legs = []
    for one in moved:
        worth = one.worth.value or ZERO
        slope += worth if is_linear else -worth
        constant += -one.position.settlement_value if is_linear else one.position.settlement_value
        legs.append(Leg(value=abs(worth), tiers=tiers_of(one)))
    found = [y for y in crossings(constant, slope, legs) if y is not None]
    return found if is_linear else [1 / y for y in found]
