"""Ladder documents: prices and capacity as programs read them, by the API and its stream; docs/api.md says each."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from portfolio.core.capacity import Capacity, Room
from portfolio.core.minting import Standing
from portfolio.core.price_sheets import AssetPrices, PriceSheet
from portfolio.core.pricing import Price

encode: Final = msgspec.json.Encoder().encode


def prices(sheet: PriceSheet, stands: Standing) -> bytes:
    """Return ladders as JSON; a price that is not current is null, with its reason.

    Whoever paused, and why, is the desk's to know: programs are told that it is closed.
    """
    return encode(
        {
            "type": "prices",
            "at": written(sheet.at),
            "seq": sheet.seq,
            "is_firm": False,
            "state": state(stands),
            "assets": [_asset(row) for row in sheet.rows],
        }
    )


def capacity(at: datetime, found: Iterable[Capacity], stands: Standing) -> bytes:
    """Return what the minting contracts take as JSON; what is not known is null, with its reason."""
    chains = [
        {
            "chain": one.chain,
            "block": one.block,
            "block_at": written(one.at),
            "mint": _room(one.mint),
            "redeem": _room(one.redeem),
        }
        for one in found
    ]
    return encode({"type": "capacity", "at": written(at), "state": state(stands), "chains": chains})


def state(stands: Standing) -> str:
    """Return open, paused, or starting while sources have just begun."""
    if stands.is_open:
        return "open"
    return "paused" if stands.pauses or stands.halts else "starting"


def written(at: datetime | None) -> str | None:
    """Return a time as RFC 3339 in UTC."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _asset(row: AssetPrices) -> dict[str, Any]:
    gas = row.mints[0].gas if row.mints else Decimal(0)
    return {
        "asset": row.asset,
        "size_max": _number(row.size_max),
        "gas_usd": _number(gas),
        "mint": [_step(one) for one in row.mints],
        "redeem": [_step(one) for one in row.redeems],
    }


def _step(one: Price) -> dict[str, Any]:
    is_current = one.usd.is_current
    return {
        "size": _number(one.size),
        "usd": _number(one.usd.value) if is_current else None,
        "whole_usd": _number(one.whole_usd.value) if is_current else None,
        "proof": one.proof,
        "because": "" if is_current else one.usd.because,
    }


def _room(room: Room) -> dict[str, Any]:
    is_current = room.left.is_current
    return {
        "per_block_max": _number(room.most),
        "remaining": _number(room.left.value) if is_current else None,
        "because": "" if is_current else room.left.because,
    }


def _number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize() + 0:f}"
