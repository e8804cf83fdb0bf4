"""OKX's contracts: their sizes and steps as recorded, and the answers of public/instruments and position-tiers."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sandbox.instruments import (
    BTC_COIN_BRACKETS,
    BTC_USDT_BRACKETS,
    ETH_COIN_BRACKETS,
    ETH_USDT_BRACKETS,
    Spec,
)
from sandbox.margin import Bracket
from sandbox.model import START_PRICE_USD

OKX = "okx"
SWAP = "SWAP"
LINEAR, INVERSE = "linear", "inverse"
LIST_MS = 1_611_916_828_000
SIZE_MAX = 100_000_000  # contracts


def contracts() -> tuple[Spec, ...]:
    """List the venue's contracts; their tiers are plausible, not recorded."""
    return (
        _contract("ETH", "USDT", "0.1", 2, ETH_USDT_BRACKETS, basis_bp=-2.2, rates=(30, 8)),
        _contract("BTC", "USDT", "0.01", 1, BTC_USDT_BRACKETS, basis_bp=-1.8, rates=(20, 5)),
        _contract("ETH", "USD", "10", 2, ETH_COIN_BRACKETS, basis_bp=-3.8, rates=(30, 8)),
        _contract("BTC", "USD", "100", 1, BTC_COIN_BRACKETS, basis_bp=-2.8, rates=(20, 5)),
    )


def family_of(spec: Spec) -> str:
    """Name the family of a contract, and its index."""
    return f"{spec.coin}-{spec.quote}"


def _contract(
    coin: str,
    quote: str,
    size: str,
    price_decimals: int,
    brackets: Sequence[Bracket],
    *,
    basis_bp: float,
    rates: tuple[int, int],
) -> Spec:
    is_inverse = quote == "USD"
    return Spec(
        venue=OKX,
        symbol=f"{coin}-{quote}-{SWAP}",
        name=f"{coin}-{quote}-PERP",
        coin=coin,
        quote=quote,
        margin_asset=coin if is_inverse else quote,
        contract_type=INVERSE if is_inverse else LINEAR,
        delivery_ms=0,
        contract_size=Decimal(size),
        price_decimals=price_decimals,
        price_places=price_decimals,
        quantity_decimals=0 if is_inverse else 2,
        quantity_max=SIZE_MAX,
        notional_min=0,
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        leverage=10,
        brackets=_in_contracts(brackets, coin, Decimal(size), is_inverse=is_inverse),
        basis_bp=basis_bp,
        quotes_per_second=rates[0],
        trades_per_second=rates[1],
    )


def instrument(spec: Spec) -> dict[str, Any]:
    """Describe a contract as public/instruments does."""
    step = f"{spec.step_size:f}"
    empty = dict.fromkeys(
        ("alias", "baseCcy", "quoteCcy", "expTime", "optType", "stk", "auctionEndTime", "openType"), ""
    )
    return empty | {
        "instType": SWAP,
        "instId": spec.symbol,
        "instFamily": family_of(spec),
        "uly": family_of(spec),
        "category": "1",
        "ctType": spec.contract_type,
        "ctVal": f"{spec.contract_size:f}",
        "ctMult": "1",
        "ctValCcy": spec.quote if spec.inverse else spec.coin,
        "settleCcy": spec.margin_asset,
        "tickSz": f"{spec.tick_size:f}",
        "lotSz": step,
        "minSz": step,
        "lever": str(spec.brackets[0].leverage),
        "listTime": str(LIST_MS),
        "contTdSwTime": str(LIST_MS),
        "maxLmtSz": str(spec.quantity_max),
        "maxMktSz": str(spec.quantity_max // 1_000),
        "ruleType": "normal",
        "state": "live",
    }


def tiers(spec: Spec) -> list[dict[str, Any]]:
    """List the tiers of a contract as position-tiers does: bounded in contracts, each from where the last one ends."""
    shared = {"instFamily": family_of(spec), "instId": "", "uly": family_of(spec)}
    shared |= {"baseMaxLoan": "", "quoteMaxLoan": "", "optMgnFactor": "0"}
    return [
        shared
        | {
            "tier": str(each.number),
            "minSz": f"{each.floor:f}",
            "maxSz": f"{each.cap:f}",
            "maxLever": str(each.leverage),
            "mmr": f"{each.maintenance_rate:f}",
            "imr": f"{Decimal(1) / each.leverage:.6f}",
        }
        for each in spec.brackets
    ]


def _in_contracts(brackets: Sequence[Bracket], coin: str, size: Decimal, *, is_inverse: bool) -> tuple[Bracket, ...]:
    """Bound tiers in contracts, as many as their values were worth at first; each one's rate is for the whole."""
    price = Decimal(START_PRICE_USD[coin])
    worth = size / price if is_inverse else size * price  # of a contract
    found: list[Bracket] = []
    for each in brackets:
        floor = found[-1].cap if found else Decimal(0)
        cap = Decimal(int(each.cap / worth))
        found.append(replace(each, floor=floor, cap=cap, maintenance_amount=Decimal(0), in_contracts=True))
    return tuple(found)
