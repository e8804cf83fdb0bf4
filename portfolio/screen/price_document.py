"""Price document: prices as programs read them, over HTTP and WebSocket alike; docs/prices.md says every field."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from portfolio.core.figures import Figure
from portfolio.core.minting import Pause, Standing
from portfolio.core.price_market import Component, Input
from portfolio.core.price_sheets import AssetPrices, PriceSheet
from portfolio.core.pricing import Price

BP_STEP: Final = Decimal("0.01")

encode = msgspec.json.Encoder().encode


def document(sheet: PriceSheet, stands: Standing) -> bytes:
    """Return prices as JSON: decimals are strings, times RFC 3339 in UTC, what is not known null."""
    return encode(
        {
            "at": _time(sheet.at),
            "seq": sheet.seq,
            "is_firm": False,
            "minting": _minting(stands),
            "assets": [_asset(row) for row in sheet.rows],
        }
    )


def _minting(stands: Standing) -> dict[str, Any]:
    return {
        "state": "open" if stands.is_open else "paused",
        "halts": list(stands.halts),
        "pauses": [_pause(one) for one in stands.pauses],
        "starting": list(stands.starting),
    }


def _pause(one: Pause) -> dict[str, Any]:
    paused = one.paused
    return {
        "pause_id": one.pause_id,
        "cause": paused.cause,
        "by": paused.by,
        "reason": paused.reason,
        "at": _time(paused.at),
        "resumed_by": paused.resumed_by,
    }


def _asset(row: AssetPrices) -> dict[str, Any]:
    prices = [*row.mints, *row.redeems]
    return {"asset": row.asset, "size_max": _number(row.size_max), "prices": [_price(one) for one in prices]}


def _price(one: Price) -> dict[str, Any]:
    away = one.away_bp.value
    return {
        "direction": one.direction,
        "size": _number(one.size),
        "usd": _number(one.usd.value),
        "gas_usd": _number(one.gas),
        "whole_usd": _number(one.whole_usd.value),
        "reference": _number(one.reference.value),
        "away_bp": None if away is None else _number(away.quantize(BP_STEP)),
        "proof": one.proof,
        **_freshness(one.usd),
        "components": [_component(part) for part in one.components],
        "inputs": [_input(given) for given in one.inputs],
        "hedge": [
            {"instrument": leg.instrument, "coin": _number(leg.coin), "usd": _number(leg.usd)} for leg in one.legs
        ],
        "left_out": list(one.left_out),
    }


def _component(part: Component) -> dict[str, Any]:
    return {"key": part.key, "usd": _number(part.usd), "because": part.because}


def _input(given: Input) -> dict[str, Any]:
    figure = given.figure
    return {"name": given.name, "value": _number(figure.value), "proof": given.proof, **_freshness(figure)}


def _freshness(figure: Figure) -> dict[str, Any]:
    return {
        "state": figure.state,
        "because": figure.because,
        "oldest_input_at": _time(figure.at),
        "stale_at": _time(figure.until),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize() + 0:f}"
