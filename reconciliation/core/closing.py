"""Closing: why healing or accepting a break needs two people.  Break x Valuation -> reason

Healing puts their word in the place of ours: it adds theirs less ours. Accepting leaves ours, which is better than
theirs by as much the other way round. Whatever raises backing or cuts |delta| by that needs two people, and so does
what nobody can size.
"""

from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.differences import Difference, DifferenceKind
from hedgeapp.core.events.breaks import Closing
from hedgeapp.core.instruments import Instrument, pnl, value
from hedgeapp.core.records import record
from portfolio.core.valuation import Valuation

HELD: Final[frozenset[DifferenceKind]] = frozenset({"balance", "collateral", "holding"})
MOVED: Final[frozenset[DifferenceKind]] = frozenset({"funding", "transfer"})
TRADED: Final[frozenset[DifferenceKind]] = frozenset({"position", "fill"})


@record
class Effect:
    """What taking their word would add: to backing in USD, and to the delta of a currency in its units.

    None is what cannot be said.
    """

    backing_usd: Decimal | None
    currency: str
    delta: Decimal | None


UNKNOWN: Final = Effect(backing_usd=None, currency="", delta=None)


def needs_two(difference: Difference, closing: Closing, net: dict[str, Decimal | None], valuation: Valuation) -> str:
    """Return why two people are needed, empty when one is enough; `net` is the delta of each currency now."""
    if difference.kind == "open_order":
        return ""  # an order changes nothing until it fills
    if difference.kind == "delegation" and difference.amount is not None:
        return f"it decides whether {abs(difference.amount):f} {difference.unit} count at the custodian or at the venue"
    effect = taken_over(difference, valuation)
    sign = 1 if closing == "heal" else -1
    if effect.backing_usd is None:
        return "its effect on backing cannot be sized"
    if sign * effect.backing_usd > 0:
        return f"it raises backing by {abs(effect.backing_usd):,.2f} USD"
    if effect.delta is None:
        return "its effect on delta cannot be sized"
    if effect.delta:
        now = net.get(effect.currency)
        if now is None:
            return f"the delta of {effect.currency} is not known"
        if abs(now + sign * effect.delta) < abs(now):
            return f"it cuts the delta of {effect.currency} from {now:+,.4f} to {now + sign * effect.delta:+,.4f}"
    return ""


def taken_over(difference: Difference, valuation: Valuation) -> Effect:
    """Return what the book would change by if their word were taken."""
    if difference.kind in HELD and difference.amount is not None:
        return _of_asset(difference.unit, difference.amount, valuation)
    if difference.kind in MOVED:
        signed = _number(difference.theirs, "amount") - _number(difference.ours, "amount")
        asset = dict(difference.theirs or difference.ours).get("asset", "")
        return _of_asset(asset, signed, valuation)
    if difference.kind == "supply" and difference.amount is not None:
        # The synthetic dollar is owed at par.
        return Effect(backing_usd=-difference.amount, currency="", delta=ZERO)
    if difference.kind in TRADED:
        return _of_trade(difference, valuation)
    return UNKNOWN


def _of_asset(asset: str, amount: Decimal, valuation: Valuation) -> Effect:
    price, hedged = valuation.unit_usd(asset).value, valuation.hedged(asset).value
    return Effect(
        backing_usd=None if price is None else amount * price,
        currency=valuation.catalogue.currency(asset),
        delta=None if hedged is None else amount * hedged,
    )


def _of_trade(difference: Difference, valuation: Valuation) -> Effect:
    """Return the delta of what was traded, and what a fill has gained until now, less its fee."""
    name = difference.item.rpartition(":")[0] if difference.kind == "fill" else difference.item
    instrument = valuation.catalogue.instruments.get(name)
    mark = valuation.mark(name, "mark").value
    if instrument is None or not mark:
        return UNKNOWN
    theirs, ours = dict(difference.theirs), dict(difference.ours)
    is_fill = difference.kind == "fill"
    contracts = _signed(theirs) - _signed(ours) if is_fill else difference.amount
    if contracts is None:
        return UNKNOWN
    size = contracts * instrument.contract_size
    return Effect(
        # Of a position nobody says at which price it came to us.
        backing_usd=_gained(instrument, mark, theirs, valuation) if is_fill and not ours else None,
        currency=valuation.catalogue.currency(instrument.base),
        delta=size if instrument.kind == "linear" else size / mark,
    )


def _gained(instrument: Instrument, mark: Decimal, fill: dict[str, str], valuation: Valuation) -> Decimal | None:
    size, price = _signed(fill) * instrument.contract_size, Decimal(fill["price"])
    gain = pnl(instrument.kind, value(instrument.kind, size, price), value(instrument.kind, size, mark))
    paid_in, cost_in = valuation.usd(instrument.settlement).value, valuation.unit_usd(fill["fee_asset"]).value
    return None if paid_in is None or cost_in is None else gain * paid_in - Decimal(fill["fee"]) * cost_in


def _signed(fill: dict[str, str]) -> Decimal:
    quantity = Decimal(fill.get("quantity", "0"))
    return quantity if fill.get("side") == "buy" else -quantity


def _number(stated: tuple[tuple[str, str], ...], field: str) -> Decimal:
    return Decimal(dict(stated).get(field, "0"))
