"""Price leans: what a price gives way by for funding and for the composition of the backing.  asset x Market -> Lean

A lean only ever worsens a price: a mint for funding that shorts pay and for an asset of which more than its target is
held, a redemption for funding that shorts forgo and for one of which less is held. Neither depends on the size.
"""

from decimal import Decimal

from hedgeapp.core.amounts import ZERO, quantized
from hedgeapp.core.records import record
from portfolio.core.fees import BP
from portfolio.core.figures import Figure
from portfolio.core.price_hedges import Hedge
from portfolio.core.price_market import FUNDING, LEAN, SHARE_TARGET, Component, Direction, Input, Key, Market


@record
class Lean:
    """A part of a price in USD per unit, with what it rests on; not known where `missing` says why."""

    components: tuple[Component, ...] = ()
    inputs: tuple[Input, ...] = ()
    missing: str = ""


def funding_lean(asset: str, direction: Direction, done: Hedge, coin: Decimal, market: Market) -> Lean:
    """Return what the hedge's funding is expected to cost for so many payments as the limit of its kind says.

    Of all books that could be hedged in, the one with the worst rate counts: so it does not depend on the size.
    """
    payments = market.bound(FUNDING, asset)
    if payments is None or not done.instruments:
        return Lean()
    rates = [(name, market.valuation.mark(name, "funding_rate")) for name in done.instruments]
    for name, figure in rates:
        if not figure.is_current:
            return Lean(missing=f"the funding of {name} is not known: {figure.because}")
    way = 1 if direction == "mint" else -1  # a positive rate is paid to shorts, of which a mint opens one
    name, worst = min(rates, key=lambda one: way * _value(one[1]))
    cost = max(ZERO, -way * _value(worst)) * payments
    because = f"{payments.normalize():f} payments of {name} at {_value(worst) * BP:.3f} bp"
    given = Input(name=f"funding of {name}", figure=worst, proof=market.proof(worst, market.catalogue.currency(asset)))
    return _lean("funding", quantized(-way * cost * coin * done.hedged), because, given)


def composition_lean(asset: str, direction: Direction, reference: Decimal, market: Market) -> Lean:
    """Return what a price gives way by for an asset's share of what is held: bp of the reference per whole of it."""
    lean, target = market.bound(LEAN, asset), market.bound(SHARE_TARGET, asset)
    if lean is None or target is None:
        return Lean()
    share = market.share(asset)
    if not share.is_current:
        return Lean(missing=f"the composition is not known: {share.because}")
    way = 1 if direction == "mint" else -1
    away = max(ZERO, way * (_value(share) - target))
    because = f"{_value(share):.2%} of what is held is {asset}, {target:.2%} is its target"
    given = Input(name=f"share of {asset}", figure=share, proof=market.proof(share, asset))
    return _lean("composition", quantized(-way * away * lean / BP * reference), because, given)


def _lean(key: Key, usd: Decimal, because: str, given: Input) -> Lean:
    return Lean(components=(Component(key=key, usd=usd, because=because),), inputs=(given,))


def _value(figure: Figure) -> Decimal:
    assert figure.value is not None  # or it is not current
    return figure.value
