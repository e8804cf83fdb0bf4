"""Margin of a cross account by the venues' published formulas: entry, PnL, maintenance margin, liquidation price."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """One tier of a venue's leverage brackets; amounts in USDT (linear) or the coin (inverse)."""

    number: int
    floor: Decimal
    cap: Decimal
    maintenance_rate: Decimal
    maintenance_amount: Decimal  # the venue's `cum`
    leverage: int
    growth: Decimal = ZERO  # what both rates grow by with each unit of the notional (Deribit)
    in_contracts: bool = False  # bounded by the size, not by the notional (OKX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One position of a cross account: signed quantity in units of contract_size, entry and mark in the quote."""

    quantity: Decimal
    entry_price: Decimal
    mark: Decimal
    contract_size: Decimal
    inverse: bool
    leverage: int
    brackets: Sequence[Bracket]


class NoSuchBracket(Exception):
    """A notional lies above the last bracket of its instrument."""


def brackets_of(*tiers: tuple[int, str, int]) -> tuple[Bracket, ...]:
    """Build brackets from (cap, maintenance rate, leverage).

    The amounts follow cum_n = floor_n · (rate_n - rate_{n-1}) + cum_{n-1} of the venue's liquidation FAQ.
    """
    brackets: list[Bracket] = []
    floor, rate_before, amount = ZERO, ZERO, ZERO
    for number, (cap, rate_text, leverage) in enumerate(tiers, start=1):
        rate = Decimal(rate_text)
        amount += floor * (rate - rate_before)
        brackets.append(
            Bracket(
                number=number,
                floor=floor,
                cap=Decimal(cap),
                maintenance_rate=rate,
                maintenance_amount=amount,
                leverage=leverage,
            )
        )
        floor, rate_before = Decimal(cap), rate
    return tuple(brackets)


def bracket_of(brackets: Sequence[Bracket], measure: Decimal) -> Bracket:
    """Find the bracket of an absolute notional or size; the last one also holds everything above its cap."""
    if not brackets:
        raise NoSuchBracket("expected at least one bracket, found none")
    for bracket in brackets:
        if measure <= bracket.cap:
            return bracket
    return brackets[-1]


def average_entry(fills: Iterable[tuple[Decimal, Decimal]], *, inverse: bool) -> Decimal:
    """Average the entry of (quantity, price) fills of one side: arithmetic when linear, harmonic when inverse."""
    quantities = values = ZERO
    for quantity, price in fills:
        quantities += abs(quantity)
        values += abs(quantity) / price if inverse else abs(quantity) * price
    if not quantities:
        return ZERO
    return quantities / values if inverse else values / quantities


def notional(quantity: Decimal, price: Decimal, contract_size: Decimal, *, inverse: bool) -> Decimal:
    """Value a signed quantity: in the quote asset when linear, in the coin when inverse."""
    size = quantity * contract_size
    return size / price if inverse else size * price


def profit(quantity: Decimal, entry: Decimal, price: Decimal, contract_size: Decimal, *, inverse: bool) -> Decimal:
    """Value the profit of a signed quantity from entry to price, in the settlement asset.

    Linear q·(P - P0); inverse q·size·(1/P0 - 1/P).
    """
    if not quantity:
        return ZERO
    size = quantity * contract_size
    return size * (1 / entry - 1 / price) if inverse else size * (price - entry)


def after_fill(
    quantity: Decimal, entry: Decimal, filled: Decimal, price: Decimal, contract_size: Decimal, *, inverse: bool
) -> tuple[Decimal, Decimal, Decimal]:
    """Give (quantity, entry price, realized profit) of a position after a signed fill at a price."""
    total = quantity + filled
    if quantity * filled >= 0:
        return (
            total,
            average_entry([(quantity, entry), (filled, price)] if quantity else [(filled, price)], inverse=inverse),
            ZERO,
        )
    closed = -filled if abs(filled) <= abs(quantity) else quantity
    realized = profit(closed, entry, price, contract_size, inverse=inverse)
    if quantity * total > 0:
        return total, entry, realized
    return total, price if total else ZERO, realized


def unrealized(holding: Holding) -> Decimal:
    """Value a holding's profit at its mark, in the settlement asset."""
    return profit(holding.quantity, holding.entry_price, holding.mark, holding.contract_size, inverse=holding.inverse)


def maintenance_margin(holding: Holding) -> Decimal:
    """Give notional · (rate + growth · notional) - cum of the bracket at the mark, in the settlement asset."""
    return maintenance_of(holding, holding.mark)


def maintenance_of(holding: Holding, price: Decimal) -> Decimal:
    """Give the maintenance margin of a holding at any price, in the settlement asset."""
    value = abs(notional(holding.quantity, price, holding.contract_size, inverse=holding.inverse))
    bracket = bracket_of(holding.brackets, _measure(holding, value))
    return value * (bracket.maintenance_rate + bracket.growth * value) - bracket.maintenance_amount


def _measure(holding: Holding, value: Decimal) -> Decimal:
    """Give what brackets bound of a holding: its value, or its contracts."""
    return abs(holding.quantity) if holding.brackets and holding.brackets[0].in_contracts else value


def initial_margin(holding: Holding) -> Decimal:
    """Give the initial margin at the mark, in the settlement asset."""
    return initial_of(holding, notional(holding.quantity, holding.mark, holding.contract_size, inverse=holding.inverse))


def initial_of(holding: Holding, value: Decimal) -> Decimal:
    """Give notional · (1 / leverage + growth · notional) of any notional of a holding's contract."""
    size = abs(value)
    return size / holding.leverage + bracket_of(holding.brackets, size).growth * size**2


def margin_ratio(wallet: Decimal, holdings: Iterable[Holding]) -> Decimal:
    """Give maintenance margin / margin balance; 1 is liquidation. An empty account has 0, a bankrupt one 10^6."""
    held = list(holdings)
    maintenance = sum((maintenance_margin(each) for each in held), ZERO)
    balance = wallet + sum((unrealized(each) for each in held), ZERO)
    if not maintenance:
        return ZERO
    return maintenance / balance if balance > 0 else Decimal(1_000_000)


def liquidation_price(wallet: Decimal, holding: Holding, others: Iterable[Holding] = ()) -> Decimal | None:
    """Solve the price at which the account's margin ratio is 1 while every other mark stays.

    None when there is no such price. Each bracket's closed form is tried, and the one whose price lies in that
    bracket is the answer. Formulas: Binance, liquidation price of USDⓈ-M and COIN-M futures.
    """
    if not holding.quantity:
        return None
    rest = list(others)
    free = wallet + sum((unrealized(each) - maintenance_margin(each) for each in rest), ZERO)
    for bracket in holding.brackets:
        price = bracket_liquidation_price(free, holding, bracket)
        if price is None or price <= 0:
            continue
        value = abs(notional(holding.quantity, price, holding.contract_size, inverse=holding.inverse))
        if bracket.floor <= _measure(holding, value) <= bracket.cap:
            return price
    return None


def bracket_liquidation_price(free: Decimal, holding: Holding, bracket: Bracket) -> Decimal | None:
    """Solve the liquidation price as if one bracket held at every price.

    `free` is WB - TMM + UPNL: wallet less the maintenance margin of other contracts plus their unrealized profit.
    """
    side = 1 if holding.quantity > 0 else -1
    size = abs(holding.quantity) * holding.contract_size
    rate, amount = bracket.maintenance_rate, bracket.maintenance_amount
    if holding.inverse:
        denominator = free + amount + side * size / holding.entry_price
        if bracket.growth:
            return _growing_liquidation_price(denominator, size, side, bracket)
        return size * (rate + side) / denominator if denominator else None
    denominator = size * (rate - side)
    return (free + amount - side * size * holding.entry_price) / denominator if denominator else None


def _growing_liquidation_price(free: Decimal, size: Decimal, side: int, bracket: Bracket) -> Decimal | None:
    """Solve growth · u² + (rate + side) · u = free for the coins u that an inverse position is worth then.

    Of a short's two solutions it is the one above today's price, where there is one: in the other, which a short that
    its coins cover has alone, the position outgrows its margin while the price falls.
    """
    linear = bracket.maintenance_rate + side
    square = linear**2 + 4 * bracket.growth * free
    if square < 0:
        return None
    if side < 0 and free >= 0:
        return 2 * bracket.growth * size / (square.sqrt() - linear)
    divisor = linear + side * square.sqrt()
    return size * divisor / (2 * free) if free else None
