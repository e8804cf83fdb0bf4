"""Ticket on the screen: the book next to its touch, what an order would cost, change and break."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

from hedgeapp.core.events.orders import OrderIntended
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from hedgeapp.live import Leaf
from marketdata.core.board import Depth
from portfolio.core.costs import Cost
from portfolio.core.effects import Change, Effect
from portfolio.core.figures import Figure
from portfolio.core.rehearsals import Rehearsal
from portfolio.queries.fees import PaidRate
from portfolio.screen import numbers
from portfolio.screen.exposure import CASH, HUNDRED
from portfolio.screen.leaves import Level, figure, name

LEVELS: Final = 10  # of each side that are shown
BAR_PX: Final = 64
BP: Final = Decimal(10_000)
PLACES: Final = Decimal("0.0001")  # that a rule is shown with
ENOUGH: Final = Decimal("1e15")  # numbers beyond are shown as they are
FEE_DECIMALS: Final = 6  # a fee in coin is small

RULES: Final = {
    "order_size_max": "size of one order",
    "price_collar": "price off the mark",
    "towards_flat": "towards flat",
    "reduce_only": "reduces the position",
    "halt": "halts in force",
    "suspension": "suspensions in force",
}


@record
class LadderLevel:
    """A line of the ladder; `taken` tells whether the order would take it whole, in part or not at all."""

    price: str
    quantity: str
    total: str
    share: float
    taken: Literal["whole", "part", ""]


@record
class Ladder:
    """The book next to its touch: asks from the worst shown to the best, then bids from the best."""

    asks: tuple[LadderLevel, ...]
    bids: tuple[LadderLevel, ...]
    mid: Leaf
    spread: str
    at: datetime | None


@record
class Fact:
    """A named number or word."""

    label: str
    value: str
    because: str = ""


@record
class ChangeRow:
    """A number before and after the order."""

    label: str
    unit: str
    before: Leaf
    after: Leaf


@record
class RuleRow:
    """A rule in words; `said` is empty while it is kept."""

    label: str
    limit: str
    value: str
    unit: str
    said: str
    word: str
    level: Level


def places_of(step: Decimal) -> int:
    """Return how many decimals multiples of a step have."""
    return max(0, -int(step.normalize().as_tuple().exponent))


def ladder(depth: Depth | None, order: OrderIntended | None, instrument: Instrument, at_mid: Figure) -> Ladder:
    """Return the best levels of each side, with what the order would take of them."""
    ticks, steps = places_of(instrument.tick_size), places_of(instrument.step_size)
    mid = figure(name("ticket", "mid"), at_mid, instrument.quote, decimals=ticks + 1)
    if depth is None:
        return Ladder(asks=(), bids=(), mid=mid, spread="", at=None)
    takes = order if order is not None and order.time_in_force != "post_only" else None
    widest = max((sum(size for _, size in side[:LEVELS]) for side in (depth.asks, depth.bids)), default=0.0)

    def lines(levels: tuple[tuple[float, float], ...], is_facing: bool) -> tuple[LadderLevel, ...]:
        total, left, found = 0.0, float(takes.quantity) if takes and is_facing else 0.0, []
        for price, quantity in levels[:LEVELS]:
            total += quantity
            within = takes is not None and (price <= takes.price if takes.side == "buy" else price >= takes.price)
            part = min(left, quantity) if within else 0.0
            left -= part
            found.append(
                LadderLevel(
                    price=f"{price:,.{ticks}f}",
                    quantity=f"{quantity:,.{steps}f}",
                    total=f"{total:,.{steps}f}",
                    share=round(BAR_PX * total / widest, 1) if widest else 0.0,
                    taken="" if not part else "whole" if part == quantity else "part",
                )
            )
        return tuple(found)

    asks = lines(depth.asks, takes is not None and takes.side == "buy")
    spread = depth.asks[0][0] - depth.bids[0][0] if depth.asks and depth.bids else None
    return Ladder(
        asks=asks[::-1],
        bids=lines(depth.bids, takes is not None and takes.side == "sell"),
        mid=mid,
        spread="" if spread is None else f"{spread:,.{ticks}f}",
        at=at_mid.at,
    )


def cost_facts(
    order: OrderIntended, instrument: Instrument, shown: Rehearsal, rate: PaidRate | None
) -> tuple[Fact, ...]:
    """Return what the order would cost by the levels shown."""
    ticks, quote, asset = places_of(instrument.tick_size), instrument.quote, instrument.settlement
    met = shown.cost
    if order.time_in_force == "post_only":
        return (_fee(None, asset, rate, "maker"),)
    if met is None:
        return (Fact(label="cost", value="not known", because=shown.depth.because),)
    return (
        Fact(label=f"average {quote}", value=_price(met.average_price, ticks + 1)),
        Fact(label=f"worst {quote}", value=_price(met.worst_price, ticks)),
        Fact(label="slippage bp", value="—" if met.slippage_bp is None else f"{met.slippage_bp:,.1f}"),
        Fact(label="unfilled contracts", value=_unfilled(met, places_of(instrument.step_size))),
        Fact(label=f"value {asset}", value=_price(met.worth, numbers.decimals_of(asset))),
        _fee(met, asset, rate, "taker"),
    )


def changes(effect: Effect | None, instrument: Instrument, here: str) -> tuple[ChangeRow, ...]:
    """Return what the order changes if it fills whole at its price; `here` begins the ids."""
    if effect is None:
        return ()
    return (
        _change(here, "net", f"net {effect.currency}", effect.currency, effect.net, sign=True),
        _change(here, "share", "of the band", "%", effect.band_share, decimals=0, scale=HUNDRED),
        _change(
            here,
            "position",
            "position",
            "contracts",
            effect.position,
            sign=True,
            decimals=places_of(instrument.step_size),
        ),
        _change(here, "ratio", "margin ratio", "%", effect.margin_ratio, decimals=1, scale=HUNDRED),
        _change(here, "headroom", "headroom", effect.settlement, effect.headroom, sign=True),
        _change(here, "usd", "headroom", "USD", effect.headroom_usd, sign=True),
        _change(here, "liquidation", "liquidation", effect.quote, effect.liquidation_price, decimals=1),
    )


def rules(shown: Rehearsal, left: Collection[str]) -> tuple[RuleRow, ...]:
    """Return the rules, the broken ones first; `left` are those that the worker which sends it can still keep."""
    return tuple(
        RuleRow(
            label=RULES.get(one.name, one.name.replace("_", " ")),
            limit=_short(one.limit),
            value=_short(one.value),
            unit=one.unit,
            said=one.said,
            word="kept" if not one.said else "asked when sent" if one.name in left else "refused",
            level="good" if not one.said else "warn" if one.name in left else "bad",
        )
        for one in shown.rules
    )


def size_words(order: OrderIntended, instrument: Instrument, coin: Decimal | None) -> str:
    """Return a size as contracts and as coin."""
    contracts = f"{order.quantity:,.{places_of(instrument.step_size)}f} contracts"
    return contracts if coin is None else f"{contracts} ({numbers.plain(abs(coin), 4)} {instrument.base})"


def sentence(order: OrderIntended, instrument: Instrument, coin: Decimal | None) -> str:
    """Return an order in one sentence."""
    ways = {
        "ioc": "at once, what does not fill is canceled",
        "fok": "at once and whole, or not at all",
        "gtc": "and let it rest until it is filled or canceled",
        "post_only": "only as one that rests in the book",
    }
    price = f"{order.price:,.{places_of(instrument.tick_size)}f} {instrument.quote}"
    only = ", reducing the position only" if order.reduce_only else ""
    return (
        f"{order.side.capitalize()} {size_words(order, instrument, coin)} of {instrument.symbol} in {order.account} "
        f"at {price} or better, {ways[order.time_in_force]}{only}."
    )


def _short(said: str) -> str:
    """Return a number with at most four decimals, and a word as it is."""
    try:
        value = Decimal(said)
    except InvalidOperation:
        return said
    return numbers.full(value.quantize(PLACES) if abs(value) < ENOUGH else value)


def _price(value: float | None, decimals: int) -> str:
    return "—" if value is None else f"{value:,.{decimals}f}"


def _unfilled(met: Cost, decimals: int) -> str:
    return f"{'at most ' if met.is_beyond else ''}{met.unfilled:,.{decimals}f}"


def _fee(met: Cost | None, asset: str, rate: PaidRate | None, role: str) -> Fact:
    if rate is None:
        because = f"no {role} fill of this instrument has paid a fee in {asset} lately, and reference data has no rates"
        return Fact(label=f"fee {asset}", value="not known", because=because)
    by = f"the last {role} fill, at {rate.at:%Y-%m-%d %H:%M:%S} UTC, paid {rate.rate * BP:.2f} bp"
    if met is None or met.fee is None:
        return Fact(label=f"{role} fee bp", value=f"{rate.rate * BP:.2f}", because=by)
    return Fact(label=f"fee {asset}", value=f"{met.fee:,.{2 if asset in CASH else FEE_DECIMALS}f}", because=by)


def _change(
    here: str,
    key: str,
    label: str,
    unit: str,
    change: Change,
    *,
    sign: bool = False,
    decimals: int | None = None,
    scale: Decimal = Decimal(1),
) -> ChangeRow:
    before, after = (
        figure(name(here, key, when), shown, unit, sign=sign, decimals=decimals, scale=scale, is_calm=True)
        for when, shown in (("before", change.before), ("after", change.after))
    )
    return ChangeRow(label=label, unit=unit, before=before, after=after)
