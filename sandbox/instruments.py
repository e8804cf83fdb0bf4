"""The sandbox's instruments: the contract facts that the venues publish and the model needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sandbox.margin import Bracket, brackets_of

USDM = "binance-usdm"
COINM = "binance-coinm"
VENUES = (USDM, COINM)
PERPETUAL_DELIVERY_MS = 4_133_404_800_000  # 2100-12-25 08:00 UTC, the venue's date of a perpetual


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One contract. Prices are whole ticks, quantities whole steps of 10^-quantity_decimals."""

    venue: str
    symbol: str  # the venue's own spelling
    name: str  # the system's spelling
    coin: str
    quote: str
    margin_asset: str
    contract_type: str
    delivery_ms: int
    contract_size: Decimal  # coin (linear) or USD (inverse) of one unit of quantity
    price_decimals: int
    price_places: int  # decimals that the venue prints, not fewer than price_decimals
    quantity_decimals: int
    quantity_max: int
    notional_min: int
    maker_fee: Decimal
    taker_fee: Decimal
    leverage: int
    brackets: tuple[Bracket, ...]
    basis_bp: float  # where the basis to the index returns to
    quotes_per_second: int
    trades_per_second: int
    tick_units: int = 1  # a tick is so many of 10^-price_decimals
    quote_usd: float = 1.0  # about what a unit of the quote asset is worth

    @property
    def inverse(self) -> bool:
        """Tell whether the contract is settled in its coin."""
        return self.margin_asset == self.coin

    @property
    def pair(self) -> str:
        """Name the pair of the contract, without its date."""
        return self.symbol.partition("_")[0]

    @property
    def tick_size(self) -> Decimal:
        """Give the price of one tick, in the quote asset."""
        return Decimal(self.tick_units).scaleb(-self.price_decimals)

    @property
    def ticks_per_unit(self) -> float:
        """Give how many ticks one unit of the quote asset has."""
        return float(10**self.price_decimals) / self.tick_units

    @property
    def step_size(self) -> Decimal:
        """Give the quantity of one step, in the venue's unit of quantity."""
        return Decimal(1).scaleb(-self.quantity_decimals)

    def price(self, ticks: int) -> Decimal:
        """Turn whole ticks into a price."""
        return Decimal(ticks * self.tick_units).scaleb(-self.price_decimals)

    def quantity(self, steps: int) -> Decimal:
        """Turn whole steps into a quantity."""
        return Decimal(steps).scaleb(-self.quantity_decimals)

    def price_text(self, ticks: int) -> str:
        """Print whole ticks as the venue prints a price."""
        return fixed_text(ticks * self.tick_units, self.price_decimals) + "0" * (
            self.price_places - self.price_decimals
        )

    def quantity_text(self, steps: int) -> str:
        """Print whole steps as the venue prints a quantity."""
        return fixed_text(steps, self.quantity_decimals)

    def steps_of_usd(self, usd: float, ticks: int) -> int:
        """Give the whole steps (at least one) that are worth about so many USD at a price in ticks."""
        price = ticks / self.ticks_per_unit
        unit = float(self.contract_size) * (1.0 if self.inverse else price * self.quote_usd)
        return max(1, int(usd / unit * 10**self.quantity_decimals))


def fixed_text(units: int, decimals: int) -> str:
    """Print a count of units of 10^-decimals with all its decimals: 268213, 2 -> 2682.13."""
    if not decimals:
        return str(units)
    text = str(units)
    if len(text) <= decimals:
        text = text.zfill(decimals + 1)
    return f"{text[:-decimals]}.{text[-decimals:]}"


def units_of(text: str, decimals: int) -> int:
    """Read a decimal text as a count of units of 10^-decimals. Raise ValueError when it is finer than that."""
    whole, _, fraction = text.partition(".")
    if len(fraction) > decimals:
        if fraction[decimals:].strip("0"):
            raise ValueError(f"expected at most {decimals} decimals, found {text}")
        fraction = fraction[:decimals]
    return int(whole + fraction.ljust(decimals, "0"))


# Recorded in October 2024: notional up to (USDT), maintenance margin rate, highest leverage.
ETH_USDT_BRACKETS = brackets_of(
    (50_000, "0.004", 125),
    (600_000, "0.005", 100),
    (3_000_000, "0.0065", 75),
    (12_000_000, "0.01", 50),
    (50_000_000, "0.02", 25),
    (65_000_000, "0.025", 20),
    (150_000_000, "0.05", 10),
    (320_000_000, "0.1", 5),
    (400_000_000, "0.125", 4),
    (530_000_000, "0.15", 3),
    (800_000_000, "0.25", 2),
    (1_200_000_000, "0.5", 1),
)
BTC_USDT_BRACKETS = brackets_of(
    (50_000, "0.004", 125),
    (600_000, "0.005", 100),
    (3_000_000, "0.0065", 75),
    (12_000_000, "0.01", 50),
    (70_000_000, "0.02", 25),
    (100_000_000, "0.025", 20),
    (230_000_000, "0.05", 10),
    (480_000_000, "0.1", 5),
    (600_000_000, "0.125", 4),
    (800_000_000, "0.15", 3),
    (1_200_000_000, "0.25", 2),
    (1_800_000_000, "0.5", 1),
)
# COIN-M counts its brackets in the coin; these are plausible, not recorded.
ETH_COIN_BRACKETS = brackets_of(
    (100, "0.005", 100),
    (500, "0.0065", 75),
    (1_500, "0.01", 50),
    (5_000, "0.02", 25),
    (10_000, "0.025", 20),
    (20_000, "0.05", 10),
    (40_000, "0.1", 5),
    (80_000, "0.125", 4),
    (150_000, "0.25", 2),
    (300_000, "0.5", 1),
)
BTC_COIN_BRACKETS = brackets_of(
    (5, "0.004", 125),
    (25, "0.005", 100),
    (100, "0.01", 50),
    (250, "0.02", 25),
    (500, "0.025", 20),
    (1_000, "0.05", 10),
    (2_000, "0.1", 5),
    (4_000, "0.125", 4),
    (8_000, "0.25", 2),
    (16_000, "0.5", 1),
)


def instruments() -> tuple[Spec, ...]:
    """List every contract of both venues."""
    return (
        _linear("ETH", 2, 20, ETH_USDT_BRACKETS, basis_bp=-2.0, rates=(150, 40)),
        _linear("BTC", 1, 100, BTC_USDT_BRACKETS, basis_bp=-1.5, rates=(100, 25)),
        _inverse("ETH", 2, 10, ETH_COIN_BRACKETS, basis_bp=-3.5, rates=(150, 40)),
        _inverse("BTC", 1, 100, BTC_COIN_BRACKETS, basis_bp=-2.5, rates=(75, 15)),
    )


def _linear(
    coin: str, decimals: int, notional: int, brackets: Sequence[Bracket], *, basis_bp: float, rates: tuple[int, int]
) -> Spec:
    return Spec(
        venue=USDM,
        symbol=f"{coin}USDT",
        name=f"{coin}-USDT-PERP",
        coin=coin,
        quote="USDT",
        margin_asset="USDT",
        contract_type="PERPETUAL",
        delivery_ms=PERPETUAL_DELIVERY_MS,
        contract_size=Decimal(1),
        price_decimals=decimals,
        price_places=2,
        quantity_decimals=3,
        quantity_max=10_000,
        notional_min=notional,
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        leverage=20,
        brackets=tuple(brackets),
        basis_bp=basis_bp,
        quotes_per_second=rates[0],
        trades_per_second=rates[1],
    )


def _inverse(
    coin: str, decimals: int, size_usd: int, brackets: Sequence[Bracket], *, basis_bp: float, rates: tuple[int, int]
) -> Spec:
    return Spec(
        venue=COINM,
        symbol=f"{coin}USD_PERP",
        name=f"{coin}-USD-PERP",
        coin=coin,
        quote="USD",
        margin_asset=coin,
        contract_type="PERPETUAL",
        delivery_ms=PERPETUAL_DELIVERY_MS,
        contract_size=Decimal(size_usd),
        price_decimals=decimals,
        price_places=decimals,
        quantity_decimals=0,
        quantity_max=1_000_000,
        notional_min=size_usd,
        maker_fee=Decimal("0.0001"),
        taker_fee=Decimal("0.0005"),
        leverage=20,
        brackets=tuple(brackets),
        basis_bp=basis_bp,
        quotes_per_second=rates[0],
        trades_per_second=rates[1],
    )
