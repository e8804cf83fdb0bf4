"""Pricing: what one unit of collateral is minted or redeemed at, and why.  asset x size x Market -> Price

Indicative, never firm. mint = min(executable bid x stablecoin in USD, index + basis cap) x min(protocol rate, market
rate) - fees - leans for funding and composition - spread; redeem mirrored with max. It is the sum of its components, in
USD per unit, from the reference (index x protocol rate) on. So mint <= redeem, whatever the books say, and a larger
size is never priced better. Gas is told apart, in USD per order: shared out, it would price a larger size better.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO, quantized
from hedgeapp.core.records import record
from portfolio.core.fees import BP
from portfolio.core.figures import Figure, derived, exact, unknown
from portfolio.core.ladders import Leg
from portfolio.core.price_hedges import Hedge, NoHedge, components, hedge
from portfolio.core.price_leans import Lean, composition_lean, funding_lean
from portfolio.core.price_market import GAS, PROOFS, SPREAD, Component, Direction, Input, Market, Proof

STEP: Final = Decimal("0.0001")  # USD, of a price per unit; rounded to it in the user's disfavor

_product: Callable[[Decimal, Decimal], Decimal] = Decimal.__mul__


@record
class Price:
    """What one unit of `asset` is worth in a mint or a redemption of `size` units; indicative.

    `usd` and `reference` are per unit; `usd` has no value where an input is missing, and says which. Its state is the
    worst of the inputs', `proof` the weakest. The components sum to it exactly. `legs` are the hedge. `left_out` says
    which books were not used. `gas` is in USD, once for the whole order.
    """

    asset: str
    direction: Direction
    size: Decimal
    usd: Figure
    reference: Figure
    proof: Proof
    components: tuple[Component, ...] = ()
    inputs: tuple[Input, ...] = ()
    legs: tuple[Leg, ...] = ()
    left_out: tuple[str, ...] = ()
    gas: Decimal = ZERO

    @property
    def whole_usd(self) -> Figure:
        """What a mint pays or a redemption costs for the whole size, with its gas, in USD."""
        way = -1 if self.direction == "mint" else 1
        return derived(lambda usd: usd * self.size + way * self.gas, self.usd)

    @property
    def away_bp(self) -> Figure:
        """How much worse than the reference the price is for whoever asks, in bp."""
        way = -1 if self.direction == "mint" else 1
        return derived(lambda usd, of: way * (usd / of - 1) * BP, self.usd, self.reference)


def price(asset: str, direction: Direction, size: Decimal, market: Market) -> Price:
    """Return what one unit of an asset is minted or redeemed at, for a size (> 0) in units of it."""
    currency = market.catalogue.currency(asset)
    protocol, rate = _rates(asset, direction, market)
    coin = market.valuation.usd(currency)
    reference = derived(_product, protocol, coin)
    inputs = [Input(name=f"{currency} in USD", figure=coin, proof=market.proof_of_coin(coin, currency))]
    if asset != currency:
        inputs.append(Input(name=f"rate of {asset}", figure=rate, proof=market.proof(rate, asset)))
    spread = market.bound(SPREAD, asset)
    made = Price(
        asset=asset,
        direction=direction,
        size=size,
        usd=unknown(""),
        reference=reference,
        proof="unknown",
        inputs=tuple(inputs),
        gas=market.bound(GAS, asset) or ZERO,
    )
    if spread is None:
        return _not_known(made, f"no limit of kind {SPREAD} for {asset} is set: set one")
    inputs.append(Input(name="spread", figure=exact(spread / BP), proof="set"))
    for figure in (protocol, rate, coin):
        if figure.value is None:
            return _not_known(made, figure.because)
    assert coin.value is not None
    assert reference.value is not None
    done = hedge(asset, direction, size, coin.value, market)
    if isinstance(done, NoHedge):
        return _not_known(made, done.because, done.left_out)
    leans = (
        funding_lean(asset, direction, done, coin.value, market),
        composition_lean(asset, direction, reference.value, market),
    )
    for lean in leans:
        if lean.missing:
            return _not_known(made, lean.missing, done.left_out)
    given = (*inputs, *done.inputs, *(one for lean in leans for one in lean.inputs))
    return _summed(made, done, given, rate, leans, spread)


def _rates(asset: str, direction: Direction, market: Market) -> tuple[Figure, Figure]:
    """Return the protocol's rate, and the one to price with: the worse for the user of the two."""
    protocol, market_rate = market.valuation.rates(asset)
    used = derived(min if direction == "mint" else max, protocol, market_rate)
    if not used.is_current or asset == market.catalogue.currency(asset):
        return protocol, used
    which = f"the {'lower' if direction == 'mint' else 'higher'} of the protocol's rate and the market's"
    return protocol, replace(used, because=which)


def _not_known(made: Price, because: str, left_out: tuple[str, ...] = ()) -> Price:
    return Price(
        asset=made.asset,
        direction=made.direction,
        size=made.size,
        usd=unknown(because),
        reference=made.reference,
        proof="unknown",
        inputs=made.inputs,
        left_out=left_out,
        gas=made.gas,
    )


def _summed(
    made: Price, done: Hedge, inputs: tuple[Input, ...], rate: Figure, leans: tuple[Lean, ...], spread: Decimal
) -> Price:
    reference, used, coin = made.reference.value, rate.value, made.inputs[0].figure.value
    assert reference is not None  # or the price is not known
    assert used is not None
    assert coin is not None
    start = quantized(reference)
    parts = [
        Component(key="reference", usd=start, because=_reference(made, coin)),
        Component(key="staked_rate", usd=quantized(used * coin) - start, because=rate.because),
        *components(done, made.direction, made.size, coin, used),
        *(one for lean in leans for one in lean.components),
        _spread(made, start, spread),
    ]
    whole = sum((one.usd for one in parts), ZERO)
    rounded = whole.quantize(STEP, ROUND_FLOOR if made.direction == "mint" else ROUND_CEILING)
    if rounded <= ZERO:
        return _not_known(made, f"more than 0 USD expected after all costs, found {whole:.4f}", done.left_out)
    if made.direction == "mint" and rounded * made.size <= made.gas:
        because = f"a size worth more than its gas of {made.gas:,.2f} USD expected, found {rounded * made.size:,.2f}"
        return _not_known(made, because, done.left_out)
    because = f"to {STEP} USD, in the user's disfavor"
    parts.append(Component(key="rounding", usd=rounded - whole, because=because))
    return Price(
        asset=made.asset,
        direction=made.direction,
        size=made.size,
        usd=derived(lambda *_: rounded, *(one.figure for one in inputs)),
        reference=made.reference,
        proof=max((one.proof for one in inputs), key=PROOFS.__getitem__),
        components=tuple(one for one in parts if one.usd or one.key == "reference"),
        inputs=inputs,
        legs=done.execution.legs if done.execution else (),
        left_out=done.left_out,
        gas=made.gas,
    )


def _reference(made: Price, coin: Decimal) -> str:
    is_staked = made.reference.value != coin
    return f"{made.inputs[0].name}: {coin:,.4f}" + (", x the protocol's rate" if is_staked else "")


def _spread(made: Price, start: Decimal, spread: Decimal) -> Component:
    way = -1 if made.direction == "mint" else 1
    because = f"{spread.normalize():f} bp of the reference, by the limit of kind {SPREAD}"
    return Component(key="spread", usd=way * quantized(start * spread / BP), because=because)
