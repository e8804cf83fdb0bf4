"""Margin on the screen: how far each account is from liquidation, and what it has to pay losses with."""

from decimal import Decimal
from typing import Final

from hedgeapp.live import Leaf
from portfolio.core.figures import derived
from portfolio.core.rows import BufferRow, LiquidationRow, MarginRow
from portfolio.core.valuation import USD
from portfolio.screen.exposure import HUNDRED
from portfolio.screen.leaves import Level, bar, figure, name, word
from portfolio.screen.page import Row, Section, row

WARN_RATIO: Final = Decimal("0.5")  # margin ratio from which on the desk is warned; 1 is liquidation
BAD_RATIO: Final = Decimal("0.8")
HOURS_IN_A_YEAR: Final = Decimal(24 * 365)


def margin(shown: tuple[MarginRow, ...], buffers: tuple[BufferRow, ...] = ()) -> Section:
    """Return a row per account and settlement asset, with its liquidation prices and its buffers under it."""
    return tuple(_account(one, [each for each in buffers if _is_of(each, one)]) for one in shown)


def _is_of(buffer: BufferRow, one: MarginRow) -> bool:
    return buffer.account == one.account and one.settlement in (USD, buffer.asset)


def _account(one: MarginRow, buffers: list[BufferRow]) -> Row:
    here = name("margin", one.account, one.settlement)
    unit = one.settlement
    level = _level(one)
    liquidations = (_liquidation(f"{here}-{place}", line) for place, line in enumerate(one.liquidations))
    rows = (*liquidations, *(_buffer(name(here, "buffer", each.asset), each) for each in buffers))
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


def _in_a_year(hourly: Decimal) -> Decimal:
    return hourly * HOURS_IN_A_YEAR


def _level(one: MarginRow) -> Level:
    if one.is_past_liquidation:
        return "bad"
    if one.margin_ratio.value is None:
        return "idle"
    if one.margin_ratio.value >= BAD_RATIO:
        return "bad"
    return "warn" if one.margin_ratio.value >= WARN_RATIO else "good"


def _liquidation(here: str, one: LiquidationRow) -> Row:
    away = derived(lambda k: k - 1, one.multiple)
    leaves = {
        "price": figure(f"{here}-price", one.price, one.quote, decimals=0, none="no price"),
        "multiple": figure(f"{here}-multiple", one.multiple, "× mark", decimals=2, suffix=" ×", none="never"),
    }
    if one.direction != "none":
        leaves["away"] = figure(f"{here}-away", away, "%", sign=True, decimals=1, scale=HUNDRED, suffix=" %")
        if one.hours is not None:
            leaves["hours"] = figure(f"{here}-hours", one.hours, "h", decimals=1, none="no move set", suffix=" h")
    texts = {"currency": one.currency, "quote": one.quote, "direction": one.direction}
    return row(f"{one.currency}:{one.direction}", texts, leaves)


def _buffer(here: str, one: BufferRow) -> Row:
    leaves: dict[str, Leaf] = {
        "equity": figure(f"{here}-equity", one.equity, one.asset, sign=True),
        "target": figure(f"{here}-target", one.target, one.asset, none="no target"),
        "missing": figure(f"{here}-missing", one.missing, one.asset, none="no target"),
    }
    leaves |= {
        f"need{need.rise * HUNDRED:.0f}": figure(f"{here}-need{need.rise * HUNDRED:.0f}", need.amount, one.asset)
        for need in one.needs
    }
    leaves |= {
        "hourly": figure(f"{here}-hourly", one.hourly_rate, "%", decimals=6, scale=HUNDRED, suffix=" %"),
        "yearly": figure(
            f"{here}-yearly", derived(_in_a_year, one.hourly_rate), "%", decimals=2, scale=HUNDRED, suffix=" %"
        ),
        "interest": figure(f"{here}-interest", one.interest_today, one.asset, sign=True),
    }
    return row(f"buffer:{one.asset}", {"asset": one.asset}, leaves)
