"""Pricing: what one unit of collateral is minted or redeemed at, and why.  asset x size x Market -> Price

Indicative, never firm. The price is the sum of its components, in USD per unit: the reference (the currency's USD
price x the protocol's rate), the staked rate (the lower one for a mint, the higher for a redemption), the hedge (touch
against the reference, depth, fees; what beats the reference is not passed on), the spread, and the rounding. So
mint <= reference <= redeem, and a larger size is never priced better.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final, Literal

from hedgeapp.core.amounts import ZERO, quantized
from hedgeapp.core.events.trading import Side
from hedgeapp.core.records import record
from marketdata.core.board import Depth
from portfolio.core.fees import BP, PaidRate
from portfolio.core.figures import BADNESS, Figure, derived, exact, unknown
from portfolio.core.ladders import Execution, Ladder, Leg, hedges, ladder
from portfolio.core.valuation import USD, Valuation

Direction = Literal["mint", "redeem"]
Key = Literal["reference", "staked_rate", "basis", "depth", "fees", "kept", "spread", "rounding"]
# set: by ourselves; verified: two sources that do not know of each other agree; unverified: one source says so;
# assumed: nobody says so.
Proof = Literal["set", "verified", "unverified", "assumed", "unknown"]

PROOFS: Final[dict[Proof, int]] = {"set": 0, "verified": 1, "unverified": 2, "assumed": 3, "unknown": 4}
STEP: Final = Decimal("0.0001")  # USD, of a price per unit; rounded to it in the user's disfavor
SPREAD: Final = "mint_redeem_spread"
SIZE_MAX: Final = "mint_redeem_size_max"

_product: Callable[[Decimal, Decimal], Decimal] = Decimal.__mul__


@record
class Component:
    """A part of a price: USD per unit, signed as it adds to the price."""

    key: Key
    usd: Decimal
    because: str


@record
class Input:
    """A number that a price rests on, with its age, and who stands behind it."""

    name: str
    figure: Figure
    proof: Proof


@record
class Price:
    """What one unit of `asset` is worth in a mint or a redemption of `size` units; indicative.

    `usd` and `reference` are per unit; `usd` has no value where an input is missing, and says which. Its state is the
    worst of the inputs', `proof` the weakest. The components sum to it exactly. `legs` are the hedge. `left_out` says
    which books were not used.
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

    @property
    def away_bp(self) -> Figure:
        """How much worse than the reference the price is for whoever asks, in bp."""
        way = -1 if self.direction == "mint" else 1
        return derived(lambda usd, of: way * (usd / of - 1) * BP, self.usd, self.reference)


class Market:
    """All that prices of one moment rest on; each ladder is made once.

    `verified` are the assets whose USD prices and rates verified oracles stand behind.
    """

    def __init__(
        self,
        valuation: Valuation,
        depths: Mapping[str, Depth],
        paid: Mapping[str, PaidRate],
        verified: Collection[str] = (),
    ) -> None:
        self.valuation = valuation
        self.catalogue = valuation.catalogue
        self.verified = frozenset(verified)
        self._depths, self._paid = depths, paid
        self._ladders: dict[tuple[str, Side], Ladder] = {}

    def ladder(self, currency: str, side: Side) -> Ladder:
        """Return what the books give for selling or buying a currency."""
        made = self._ladders.get((currency, side))
        if made is None:
            made = ladder(currency, side, self.valuation, self._depths, self._paid)
            self._ladders[currency, side] = made
        return made

    def bound(self, kind: str, asset: str) -> Decimal | None:
        """Return the value of a limit on an asset; None when none is set."""
        limit = self.catalogue.limits_by_subject.get((kind, asset))
        return limit.value if limit else None

    def is_cash(self, currency: str) -> bool:
        """Tell whether a currency needs no hedge: a stablecoin, which contracts are quoted in but not traded on."""
        known = self.catalogue.assets.get(currency)
        instruments = self.catalogue.contracts
        is_stable = (known is not None and known.assumed_usd is not None) or any(
            one.kind == "linear" and one.settlement == currency for one in instruments
        )
        return is_stable and not any(self.catalogue.currency(one.base) == currency for one in instruments)

    def proof(self, figure: Figure, asset: str) -> Proof:
        """Return who stands behind a number of an asset."""
        if figure.value is None:
            return "unknown"
        if figure.state == "assumed":
            return "assumed"
        return "verified" if asset in self.verified else "unverified"

    def proof_of_coin(self, coin: Figure, currency: str) -> Proof:
        """Return who stands behind a currency's USD price: those who signed it, if it is what they signed."""
        mark = self.valuation.marks.get((currency, "usd"))
        is_signed = mark is not None and bool(mark.proof) and coin is self.valuation.mark(currency, "usd")
        return "verified" if is_signed and coin.is_current else self.proof(coin, currency)


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
    )
    if spread is None:
        return _not_known(made, f"no limit of kind {SPREAD} for {asset} is set: set one")
    inputs.append(Input(name="spread", figure=exact(spread / BP), proof="set"))
    for figure in (protocol, rate, coin):
        if figure.value is None:
            return _not_known(made, figure.because)
    hedge = _hedge(asset, direction, size, market)
    if isinstance(hedge, _NoHedge):
        return _not_known(made, hedge.because, hedge.left_out)
    return _summed(made, hedge, (*inputs, *hedge.inputs), rate, spread)


@record
class _NoHedge:
    because: str
    left_out: tuple[str, ...] = ()


@record
class _Hedge:
    """A hedge of the whole size; no `execution` where none is needed."""

    execution: Execution | None = None
    inputs: tuple[Input, ...] = ()
    left_out: tuple[str, ...] = ()


def _rates(asset: str, direction: Direction, market: Market) -> tuple[Figure, Figure]:
    """Return the protocol's rate, and the one to price with: the worse for the user of the two that are known."""
    currency = market.catalogue.currency(asset)
    protocol, market_rate = market.valuation.rates(asset)
    if protocol.value is not None and market_rate.value is not None:
        which = f"the {'lower' if direction == 'mint' else 'higher'} of the protocol's rate and the market's"
        used = derived(min if direction == "mint" else max, protocol, market_rate)
        return protocol, replace(used, because=which) if used.is_current and asset != currency else used
    if protocol.value is None:
        return protocol, protocol
    because = f"only the protocol's rate of {asset} is known: {market_rate.because}"
    state = protocol.state if BADNESS[protocol.state] > BADNESS["assumed"] else "assumed"
    return protocol, Figure(value=protocol.value, at=protocol.at, state=state, because=because, until=protocol.until)


def _hedge(asset: str, direction: Direction, size: Decimal, market: Market) -> _Hedge | _NoHedge:
    currency = market.catalogue.currency(asset)
    if market.is_cash(currency):
        return _Hedge()
    if not hedges(currency, market.catalogue):
        return _NoHedge(because=f"no account trades a perpetual contract on {currency}: enable one")
    hedged = market.valuation.hedged(asset)
    if hedged.value is None:
        return _NoHedge(because=hedged.because)
    found = market.ladder(currency, "sell" if direction == "mint" else "buy")
    if not found.rungs:
        return _NoHedge(because="; ".join(found.left_out) or "the books are empty", left_out=found.left_out)
    execution = found.execution(size * hedged.value)
    if execution is None:
        because = f"the books shown take {found.coin:,.3f} {currency} of the {size * hedged.value:,.3f} to be hedged"
        return _NoHedge(because=because, left_out=found.left_out)
    inputs = [
        Input(name=f"{what} of {leg.instrument}", figure=figure, proof=proof)
        for leg in execution.legs
        for what, figure, proof in _of_leg(leg, found, currency, market)
    ]
    return _Hedge(execution=execution, inputs=tuple(inputs), left_out=found.left_out)


def _of_leg(leg: Leg, found: Ladder, currency: str, market: Market) -> tuple[tuple[str, Figure, Proof], ...]:
    basis = found.bases[leg.instrument]
    quote = market.catalogue.instruments[leg.instrument].quote
    paid: Proof = "assumed" if basis.fee.state == "assumed" else "verified"  # the venue's own word on a fill of ours
    found_in = (
        ("book", basis.book, market.proof(basis.book, currency)),
        ("taker fee", basis.fee, paid),
    )
    if quote == USD:
        return found_in
    return (*found_in, (f"{quote} in USD", basis.quote, market.proof(basis.quote, quote)))


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
    )


def _summed(made: Price, hedge: _Hedge, inputs: tuple[Input, ...], rate: Figure, spread: Decimal) -> Price:
    reference, used, coin = made.reference.value, rate.value, made.inputs[0].figure.value
    assert reference is not None  # or the price is not known
    assert used is not None
    assert coin is not None
    start = quantized(reference)
    components = [
        Component(key="reference", usd=start, because=_reference(made, coin)),
        Component(key="staked_rate", usd=quantized(used * coin) - start, because=rate.because),
        *_of_hedge(made, hedge, coin),
        _spread(made, start, spread),
    ]
    whole = sum((one.usd for one in components), ZERO)
    rounded = whole.quantize(STEP, ROUND_FLOOR if made.direction == "mint" else ROUND_CEILING)
    if rounded <= ZERO:
        return _not_known(made, f"more than 0 USD expected after all costs, found {whole:.4f}", hedge.left_out)
    because = f"to {STEP} USD, in the user's disfavor"
    components.append(Component(key="rounding", usd=rounded - whole, because=because))
    return Price(
        asset=made.asset,
        direction=made.direction,
        size=made.size,
        usd=derived(lambda *_: rounded, *(one.figure for one in inputs)),
        reference=made.reference,
        proof=max((one.proof for one in inputs), key=PROOFS.__getitem__),
        components=tuple(one for one in components if one.usd or one.key == "reference"),
        inputs=inputs,
        legs=hedge.execution.legs if hedge.execution else (),
        left_out=hedge.left_out,
    )


def _reference(made: Price, coin: Decimal) -> str:
    is_staked = made.reference.value != coin
    return f"{made.inputs[0].name}: {coin:,.4f}" + (", x the protocol's rate" if is_staked else "")


def _spread(made: Price, start: Decimal, spread: Decimal) -> Component:
    way = -1 if made.direction == "mint" else 1
    because = f"{spread.normalize():f} bp of the reference, by the limit of kind {SPREAD}"
    return Component(key="spread", usd=way * quantized(start * spread / BP), because=because)


def _of_hedge(made: Price, hedge: _Hedge, coin: Decimal) -> tuple[Component, ...]:
    """Return the hedge's cost per unit: touch against the reference, depth, fees, and what is not passed on."""
    done = hedge.execution
    if done is None:
        return ()
    is_mint = made.direction == "mint"
    fees = quantized(done.fees / made.size) * (-1 if is_mint else 1)
    net = done.gross - done.fees if is_mint else done.gross + done.fees
    cost = quantized((net - coin * done.coin) / made.size)
    basis = quantized((done.touch - coin) * done.coin / made.size)
    charged = min(ZERO, cost) if is_mint else max(ZERO, cost)
    where = ", ".join(f"{leg.coin:,.4f} at {leg.usd:,.2f} on {leg.instrument}" for leg in done.legs)
    did = "sold" if is_mint else "bought"
    return (
        Component(
            key="basis", usd=basis, because=f"the best price is {done.touch:,.4f} USD, the reference {coin:,.4f}"
        ),
        Component(key="depth", usd=cost - basis - fees, because=f"{did}: {where}"),
        Component(key="fees", usd=fees, because=f"{done.fees:,.2f} USD to the venues for taking from their books"),
        Component(key="kept", usd=charged - cost, because="the hedge beats the reference: that is not passed on"),
    )
