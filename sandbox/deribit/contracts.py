"""Deribit's contracts: their sizes and steps as recorded, and the rows of get_instruments."""

from decimal import Decimal
from typing import Any

from sandbox.instruments import Spec
from sandbox.margin import Bracket

DERIBIT = "deribit"
CURRENCIES = {"BTC": "Bitcoin", "ETH": "Ethereum"}
KINDS = ("future", "option", "spot", "future_combo", "option_combo")
CREATED_MS = 1_534_242_287_000
NEVER_MS = 32_503_708_800_000  # what the venue gives as the end of a perpetual
PRICE_PLACES = 2
LEVERAGE = 50  # of a position without size: 2 % of initial margin
MAINTENANCE_RATE = Decimal("0.01")
COINS_MAX = Decimal(1_000_000)  # a position may be worth


def contracts() -> tuple[Spec, ...]:
    """List the venue's contracts; what their margin grows by is the model's, made like the published linear ones."""
    return (
        _contract("ETH", 1, 2, Decimal("0.000002"), basis_bp=-3.5, rates=(30, 8)),
        _contract("BTC", 10, 1, Decimal("0.00005"), basis_bp=-2.5, rates=(20, 5)),
    )


def _contract(
    coin: str,
    contract_size: int,
    price_decimals: int,
    growth: Decimal,
    *,
    basis_bp: float,
    rates: tuple[int, int],
) -> Spec:
    return Spec(
        venue=DERIBIT,
        symbol=f"{coin}-PERPETUAL",
        name=f"{coin}-USD-PERP",
        coin=coin,
        quote="USD",
        margin_asset=coin,
        contract_type="reversed",
        delivery_ms=0,
        contract_size=Decimal(contract_size),
        price_decimals=price_decimals,
        price_places=PRICE_PLACES,
        quantity_decimals=0,
        quantity_max=50_000_000,
        notional_min=contract_size,
        maker_fee=Decimal(0),
        taker_fee=Decimal("0.0005"),
        leverage=LEVERAGE,
        brackets=(
            Bracket(
                number=1,
                floor=Decimal(0),
                cap=COINS_MAX,
                maintenance_rate=MAINTENANCE_RATE,
                maintenance_amount=Decimal(0),
                leverage=LEVERAGE,
                growth=growth,
            ),
        ),
        basis_bp=basis_bp,
        quotes_per_second=rates[0],
        trades_per_second=rates[1],
        tick_units=5,
    )


def instrument(spec: Spec) -> dict[str, Any]:
    """Describe a contract as get_instruments does."""
    return {
        "tick_size": float(spec.tick_size),
        "tick_size_steps": [],
        "taker_commission": float(spec.taker_fee),
        "settlement_period": "perpetual",
        "settlement_currency": spec.coin,
        "rfq": False,
        "quote_currency": spec.quote,
        "price_index": f"{spec.coin.lower()}_usd",
        "min_trade_amount": float(spec.contract_size),
        "max_liquidation_commission": 0.0075,
        "max_leverage": spec.leverage,
        "maker_commission": float(spec.maker_fee),
        "kind": "future",
        "is_active": True,
        "state": "open",
        "instrument_type": spec.contract_type,
        "instrument_name": spec.symbol,
        "instrument_id": 124_972 if spec.coin == "ETH" else 210_838,
        "future_type": spec.contract_type,
        "expiration_timestamp": NEVER_MS,
        "creation_timestamp": CREATED_MS,
        "counter_currency": spec.quote,
        "contract_size": float(spec.contract_size),
        "block_trade_tick_size": 0.01,
        "block_trade_min_trade_amount": 100_000,
        "block_trade_commission": 0.00025,
        "base_currency": spec.coin,
    }


def currency(code: str) -> dict[str, Any]:
    """Describe a currency as get_currencies does."""
    return {
        "currency": code,
        "currency_long": CURRENCIES[code],
        "coin_type": code,
        "network_currency": code,
        "network_fee": 0.0001,
        "min_confirmations": 1,
        "min_withdrawal_fee": 0.0001,
        "withdrawal_fee": 0.0001,
        "withdrawal_priorities": [],
        "apr": 0.0,
        "in_cross_collateral_pool": True,
    }
