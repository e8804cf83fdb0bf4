"""Margin on the screen: how far each account is from liquidation."""

from decimal import Decimal
from typing import Final

from portfolio.core.rows import LiquidationRow, MarginRow
from portfolio.screen.exposure import HUNDRED
from portfolio.screen.leaves import Level, bar, figure, name, word
from portfolio.screen.page import Row, Section, row

WARN_RATIO: Final = Decimal("0.5")  # margin ratio from which on the desk is warned; 1 is liquidation
BAD_RATIO: Final = Decimal("0.8")


def margin(shown: tuple[MarginRow, ...]) -> Section:
    """Return a row per account and settlement asset, with its liquidation prices under it."""
    return tuple(_account(one) for one in shown)


def _account(one: MarginRow) -> Row:
    here = name("margin", one.account, one.settlement)
    unit = one.settlement
    level = _level(one)
    rows = tuple(_liquidation(f"{here}-{place}", line) for place, line in enumerate(one.liquidations))
    amounts = ("wallet", "unrealized", "margin_balance", "initial_margin", "maintenance_margin", "headroom")
    leaves = {
        column: figure(f"{here}-{column}", getattr(one, column), unit, sign=column in ("unrealized", "headroom"))
        for column in amounts
    }
    leaves |= {
        "ratio": figure(
            f"{here}-ratio", one.margin_ratio, "%", decimals=1, scale=HUNDRED, suffix=" %", none="over 100 %"
        ),
        "bar": bar(f"{here}-bar", one.margin_ratio.value, level, 44),
        "headroom_usd": figure(f"{here}-headroom_usd", one.headroom_usd, "USD", sign=True),
    }
    if one.is_past_liquidation:
        leaves["word"] = word(f"{here}-word", "past liquidation", "bad")
    elif level in ("warn", "bad"):
        leaves["word"] = word(f"{here}-word", "watch" if level == "warn" else "close", level)
    return row(f"{one.account}:{unit}", {"account": one.account, "settlement": unit}, leaves, rows)


def _level(one: MarginRow) -> Level:
    if one.is_past_liquidation:
        return "bad"
    if one.margin_ratio.value is None:
        return "idle"
    if one.margin_ratio.value >= BAD_RATIO:
        return "bad"
    return "warn" if one.margin_ratio.value >= WARN_RATIO else "good"


def _liquidation(here: str, one: LiquidationRow) -> Row:
    return row(
        f"{one.currency}:{one.direction}",
        {"currency": one.currency, "quote": one.quote, "direction": one.direction},
        {
            "price": figure(f"{here}-price", one.price, one.quote, decimals=0, none="no price"),
            "multiple": figure(f"{here}-multiple", one.multiple, "× mark", decimals=2, suffix=" ×", none="never"),
        },
    )
