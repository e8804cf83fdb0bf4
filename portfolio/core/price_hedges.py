"""Price hedges: what hedging a size costs per unit, never better than the index and a cap.  size x Market -> Hedge

mint: min(average bid less fees, bound less the dearest fee of it), redeem mirrored with max. The bound is the middle of
the best bid and ask of all venues, drawn to the index +/- the limit of kind mint_redeem_basis_cap: one bound for both
ways, so that books which cross each other never make a mint dearer than a redemption. What is better than the index is
counted at the lower of the hedged and the priced rate, what is worse at the higher.
"""

from decimal import Decimal

from hedgeapp.core.amounts import ZERO, quantized
from hedgeapp.core.records import record
from portfolio.core.fees import BP
from portfolio.core.ladders import Execution, Ladder, Leg, hedges
from portfolio.core.price_market import BASIS_CAP, Component, Direction, Input, Market, Proof
from portfolio.core.valuation import USD


@record
class NoHedge:
    """Why a size cannot be hedged, and which books were not used."""

    because: str
    left_out: tuple[str, ...] = ()


@record
class Hedge:
    """A hedge of the whole size; no `execution` where none is needed.

    `hedged` is in units of the currency per unit of the asset, `bound` in USD per unit of the currency: the most that a
    mint counts of a bid, or the least that a redemption does of an ask. `fee_max` is the dearest taker's rate.
    """

    execution: Execution | None = None
    hedged: Decimal = ZERO
    bound: Decimal = ZERO
    fee_max: Decimal = ZERO
    instruments: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    left_out: tuple[str, ...] = ()


def hedge(asset: str, direction: Direction, size: Decimal, coin: Decimal, market: Market) -> Hedge | NoHedge:
    """Return how a size (> 0) of an asset would be hedged, or why not; `coin` is its currency's index, in USD."""
    currency = market.catalogue.currency(asset)
    if market.is_cash(currency):
        return Hedge()
    if not hedges(currency, market.catalogue):
        return NoHedge(because=f"no account trades a perpetual contract on {currency}: enable one")
    hedged = market.valuation.hedged(asset)
    if hedged.value is None:
        return NoHedge(because=hedged.because)
    found = market.ladder(currency, "sell" if direction == "mint" else "buy")
    if not found.rungs:
        return NoHedge(because="; ".join(found.left_out) or "the books are empty", left_out=found.left_out)
    execution = found.execution(size * hedged.value)
    if execution is None:
        because = f"the books shown take {found.coin:,.3f} {currency} of the {size * hedged.value:,.3f} to be hedged"
        return NoHedge(because=because, left_out=found.left_out)
    return Hedge(
        execution=execution,
        hedged=hedged.value,
        bound=bound(asset, direction, coin, market),
        fee_max=found.fee_max,
        instruments=tuple(found.bases),
        inputs=tuple(one for leg in execution.legs for one in _of_leg(leg, found, currency, market)),
        left_out=found.left_out,
    )


def bound(asset: str, direction: Direction, coin: Decimal, market: Market) -> Decimal:
    """Return the most that a mint counts of a bid, or the least that a redemption counts of an ask, in USD."""
    cap = coin * (market.bound(BASIS_CAP, asset) or ZERO) / BP
    currency = market.catalogue.currency(asset)
    bid, ask = (market.ladder(currency, side).touch for side in ("sell", "buy"))
    if not bid or not ask:  # the other way has no price
        return coin + cap if direction == "mint" else coin - cap
    return min(max((bid + ask) / 2, coin - cap), coin + cap)


def components(done: Hedge, direction: Direction, size: Decimal, coin: Decimal, rate: Decimal) -> tuple[Component, ...]:
    """Return the hedge's cost per unit: touch against the index, depth, fees, and what is not passed on.

    `rate` is what one unit is priced at, in units of its currency.
    """
    found = done.execution
    if found is None:
        return ()
    is_mint = direction == "mint"
    way = 1 if is_mint else -1
    net = found.gross - way * found.fees
    each = net / found.coin
    most = done.bound * (1 - way * done.fee_max)
    counted = min(each, most) if is_mint else max(each, most)
    gain = way * (counted - coin)
    units = min(done.hedged, rate) if gain > ZERO else max(done.hedged, rate)
    cost = quantized((net - coin * found.coin) / size)
    fees = -way * quantized(found.fees / size)
    basis = quantized((found.touch - coin) * found.coin / size)
    charged = way * quantized(gain * units)
    where = ", ".join(f"{leg.coin:,.4f} at {leg.usd:,.2f} on {leg.instrument}" for leg in found.legs)
    did, which = ("sold", "most") if is_mint else ("bought", "least")
    best = f"the best price is {found.touch:,.4f} USD, the reference {coin:,.4f}"
    kept = f"at {which} {done.bound:,.4f} USD is counted, by the reference and the limit of kind {BASIS_CAP}"
    return (
        Component(key="basis", usd=basis, because=best),
        Component(key="depth", usd=cost - basis - fees, because=f"{did}: {where}"),
        Component(key="fees", usd=fees, because=f"{found.fees:,.2f} USD to the venues for taking from their books"),
        Component(key="kept", usd=charged - cost, because=kept),
    )


def _of_leg(leg: Leg, found: Ladder, currency: str, market: Market) -> tuple[Input, ...]:
    basis = found.bases[leg.instrument]
    quote = market.catalogue.instruments[leg.instrument].quote
    paid: Proof = "assumed" if basis.fee.state == "assumed" else "verified"  # the venue's own word on a fill of ours
    found_in = (
        Input(name=f"book of {leg.instrument}", figure=basis.book, proof=market.proof(basis.book, currency)),
        Input(name=f"taker fee of {leg.instrument}", figure=basis.fee, proof=paid),
    )
    if quote == USD:
        return found_in
    in_usd = f"{quote} in USD of {leg.instrument}"
    return (*found_in, Input(name=in_usd, figure=basis.quote, proof=market.proof(basis.quote, quote)))
