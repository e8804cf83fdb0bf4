"""Unified accounts: the margin of accounts whose assets stand for each other, in USD.  Book x Marks x terms -> figures

What each asset counts for is the venue's word (`CollateralTermsStated`); its price is our own index. Where an account
may margin all assets together and the venue has not said whether it does, nothing is known of its margin: each
settlement asset by itself would be another account than it is.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ONE, ZERO
from hedgeapp.core.records import record
from portfolio.core.figures import Figure, derived, none_of, total, unknown
from portfolio.core.pnl import ValuedPosition, in_usd
from portfolio.core.position_tiers import tiers_of, without_tiers
from portfolio.core.rows import LiquidationRow
from portfolio.core.unified import Contract, MarginIsNotSolved, Moved, Pocket, liquidations, measured
from portfolio.core.valuation import USD, Valuation

UNIFIED: Final = frozenset({"bybit", "okx", "deribit"})  # protocols whose accounts are it, unless they say otherwise
BP: Final = Decimal(10_000)


@record
class MarginFigures:
    """What a row of margin is made of; `liquidations` are of an account that is not past liquidation."""

    wallet: Figure
    unrealized: Figure
    balance: Figure
    initial: Figure
    maintenance: Figure
    liquidations: tuple[LiquidationRow, ...]


def is_unified(account: str, valuation: Valuation) -> bool:
    """Tell whether all assets of an account margin together, or may do: where its venue has yet to say so."""
    terms = valuation.book.terms
    if account in terms.alone:
        return False
    known = valuation.catalogue.accounts.get(account)
    venue = valuation.catalogue.venues.get(known.venue) if known else None
    return account in terms.collateral or (venue is not None and venue.protocol in UNIFIED)


def wallet_of(account: str, asset: str, valuation: Valuation) -> Figure:
    """Return what an account has of an asset, unrealized PnL not in it.

    An asset that a unified account never stated is empty, as of the account's last word: only what it has is told.
    """
    balances = valuation.book.balances
    stated = balances.get((account, asset))
    said = max((one.at for (name, _), one in balances.items() if name == account), default=None)
    if stated is None and (said is None or not is_unified(account, valuation)):
        return unknown(f"no balance of {account} in {asset} is known: its feed has not stated one")
    held, at = (stated.total, stated.at) if stated is not None else (ZERO, said)
    assert at is not None
    return valuation.stated(held, at, f"account:{account}", "balance", f"balance of {account} in {asset}")


def unified_figures(account: str, positions: Sequence[ValuedPosition], valuation: Valuation) -> MarginFigures:
    """Return the margin of a unified account with its open positions."""
    assets = sorted(
        {of for name, of in valuation.book.balances if name == account} | {one.settlement for one in positions}
    )
    held = {of: wallet_of(account, of, valuation) for of in assets}
    held = {of: one for of, one in held.items() if one.value != 0 or any(of == each.settlement for each in positions)}
    prices = {of: valuation.unit_usd(of) for of in held}
    wallet = total(derived(_product, held[of], prices[of]) for of in held)
    unrealized = total(in_usd(one.unrealized, one.settlement, valuation) for one in positions)
    inputs = (
        *held.values(),
        *prices.values(),
        *(figure for one in positions for figure in (one.worth, one.unrealized)),
    )
    missing = _missing(account, positions, valuation)
    if missing or any(one.value is None for one in inputs):
        lacking = unknown(missing) if missing else total(inputs)
        return MarginFigures(
            wallet=wallet,
            unrealized=unrealized,
            balance=lacking,
            initial=lacking,
            maintenance=lacking,
            liquidations=_without(lacking, positions, valuation),
        )
    pockets = [_pocket(account, of, held[of], prices[of], positions, valuation) for of in held]
    found = measured(pockets)

    def told(value: Decimal) -> Figure:
        return derived(lambda *_: value, *inputs)

    return MarginFigures(
        wallet=wallet,
        unrealized=unrealized,
        balance=told(found.balance),
        initial=told(found.initial),
        maintenance=told(found.maintenance),
        liquidations=(
            tuple(_liquidations(pockets, positions, inputs, valuation))
            if found.left > 0
            else _without(none_of(inputs, "the account is past liquidation now"), positions, valuation)
        ),
    )


def hours_until(currency: str, multiple: Figure, valuation: Valuation) -> Figure:
    """Return the hours until a multiple of the present price is reached by the move an hour that a limit gives."""
    limit = valuation.catalogue.limits_by_subject.get(("price_move_hour", currency))
    if multiple.value is None:
        return multiple
    if limit is None or limit.value <= 0:
        return none_of((multiple,), f"no limit of kind price_move_hour says how fast {currency} is taken to move")
    return derived(lambda k: abs(k - ONE) * BP / limit.value, multiple)


def _without(price: Figure, positions: Sequence[ValuedPosition], valuation: Valuation) -> tuple[LiquidationRow, ...]:
    """Return a row for each currency that says why there is no price."""
    quotes = {valuation.catalogue.currency(one.instrument.base): one.instrument.quote for one in positions}
    return tuple(
        LiquidationRow(currency=of, quote=quotes[of], direction="none", price=price, multiple=price)
        for of in sorted(quotes)
    )


def _missing(account: str, positions: Sequence[ValuedPosition], valuation: Valuation) -> str:
    terms = valuation.book.terms
    if account not in terms.collateral:
        return f"what assets count for in {account} is not known: its feed has not stated it"
    if not terms.are_told(account):
        return f"the assets of {account} margin together, and its venue does not tell what each counts for"
    return next((without_tiers(one.instrument.id) for one in positions if not one.instrument.tiers), "")


def _pocket(
    account: str, asset: str, wallet: Figure, price: Figure, positions: Sequence[ValuedPosition], valuation: Valuation
) -> Pocket:
    ratios = {one.asset: one.tiers for one in valuation.book.terms.collateral[account].assets}
    return Pocket(
        asset=asset,
        wallet=wallet.value or ZERO,
        index=price.value or ZERO,
        ratios=ratios.get(asset, ()),
        contracts=tuple(contract_of(one, valuation) for one in positions if one.settlement == asset),
        borrow_rate=borrow_maintenance(asset, valuation),
    )


def borrow_maintenance(asset: str, valuation: Valuation) -> Decimal:
    """Return the maintenance margin, as a share, of what is borrowed of an asset; 0 where no limit says it."""
    limit = valuation.catalogue.limits_by_subject.get(("borrow_maintenance", asset))
    return limit.value / BP if limit else ZERO


def contract_of(one: ValuedPosition, valuation: Valuation) -> Contract:
    """Return a position as margin across assets sees it."""
    return Contract(
        kind=one.position.kind,
        base=one.instrument.base,
        worth=one.worth.value or ZERO,
        basis=one.position.settlement_value,
        tiers=tiers_of(one),
        leverage=valuation.book.terms.leverage(one.position.account, one.instrument.id),
    )


def _liquidations(
    pockets: Sequence[Pocket], positions: Sequence[ValuedPosition], inputs: Sequence[Figure], valuation: Valuation
) -> Iterable[LiquidationRow]:
    """Return where each currency alone liquidates the account, and where a staked asset's own price does."""
    currency = valuation.catalogue.currency
    names = {one.asset for one in pockets} | {one.instrument.base for one in positions}
    for of in sorted({currency(one.instrument.base) for one in positions}):
        ours = [one for one in positions if currency(one.instrument.base) == of]
        largest = max(ours, key=lambda one: abs(in_usd(one.worth, one.settlement, valuation).value or ZERO))
        moved = frozenset(name for name in names if currency(name) == of)
        yield from _rows(of, largest.instrument.quote, largest.mark, moved, pockets, inputs)
    for staked in sorted(one.asset for one in pockets if currency(one.asset) != one.asset and one.wallet > 0):
        rows = _rows(staked, USD, valuation.unit_usd(staked), frozenset({staked}), pockets, inputs)
        yield from (row for row in rows if row.direction == "fall")


def _rows(
    currency: str, quote: str, price: Figure, moved: Moved, pockets: Sequence[Pocket], inputs: Sequence[Figure]
) -> Iterable[LiquidationRow]:
    try:
        found = [k for k in liquidations(pockets, moved) if k is not None]
    except MarginIsNotSolved as refusal:
        missing = unknown(str(refusal))
        return [LiquidationRow(currency=currency, quote=quote, direction="none", price=missing, multiple=missing)]
    if not found:
        never = none_of(inputs, f"no price of {currency} alone liquidates the account")
        return [LiquidationRow(currency=currency, quote=quote, direction="none", price=never, multiple=never)]
    return [_at(currency, quote, price, k, inputs) for k in found]


def _at(currency: str, quote: str, price: Figure, k: Decimal, inputs: Sequence[Figure]) -> LiquidationRow:
    multiple = derived(lambda *_: k, *inputs)
    return LiquidationRow(
        currency=currency,
        quote=quote,
        direction="rise" if k > ONE else "fall",
        price=derived(_product, multiple, price),
        multiple=multiple,
    )


def _product(one: Decimal, other: Decimal) -> Decimal:
    return one * other
