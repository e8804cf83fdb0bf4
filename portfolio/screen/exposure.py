"""Exposure on the screen: the headline figures, how far from flat, and how positions concentrate."""

from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from portfolio.core.rows import BandState, ConcentrationRow, ExposureRow, Health, Kpi, ProposalRow
from portfolio.screen import hedges, numbers
from portfolio.screen.leaves import Level, band, figure, name, text, word
from portfolio.screen.page import Row, Section, row

HUNDRED: Final = Decimal(100)
MILLION: Final = Decimal(1_000_000)
CASH: Final = frozenset({"USD", "USDT", "USDC"})  # whole units are fine enough to see how far from flat
NEAR: Final = Decimal("0.8")  # share of a band from which on the desk is warned

LEVELS: Final[dict[Health, Level]] = {"good": "good", "warning": "warn", "bad": "bad", "unknown": "idle"}
_HEALTH_WORDS: Final[dict[Health, str]] = {"good": "ok", "warning": "watch", "unknown": "unknown"}
_BAD_WORDS: Final = {"feeds": "down", "faults": "open"}
_BAND_WORDS: Final[dict[BandState, str]] = {
    "inside": "inside",
    "outside": "outside",
    "unknown": "unknown",
    "unbounded": "no band",
}
_LINE_WORDS: Final = {
    "collateral": "collateral",
    "balance": "balance",
    "position": "position",
    "counterpart": "sold for",
    "unrealized": "unrealized",
}


def kpis(shown: tuple[Kpi, ...]) -> Section:
    """Return the headline figures, each with its word and its detail."""
    return tuple(_kpi(kpi) for kpi in shown)


def _kpi(kpi: Kpi) -> Row:
    here = name("kpi", kpi.key)
    is_delta = kpi.key.startswith("net_delta")
    percent = kpi.unit == "%"
    whole = kpi.unit in ("", "feeds")
    said_already = percent or whole or kpi.unit in kpi.label.split()
    return row(
        kpi.key,
        {
            "label": kpi.label,
            "unit": None if said_already else kpi.unit,
            "health": kpi.health,
            "count": "count" if whole else None,
        },
        {
            "figure": figure(
                here,
                kpi.figure,
                kpi.unit,
                sign=not percent and not whole,
                arrow=is_delta,
                decimals=0 if whole else 2 if percent else None,
                suffix=" %" if percent else "",
            ),
            "word": word(f"{here}-word", _health_word(kpi), LEVELS[kpi.health]),
            "detail": text(f"{here}-detail", kpi.detail),
        },
    )


def _health_word(kpi: Kpi) -> str:
    if kpi.health == "bad":
        return "breach" if kpi.key.startswith("net_delta") else _BAD_WORDS.get(kpi.key, "alarm")
    return _HEALTH_WORDS[kpi.health]


def exposure(shown: tuple[ExposureRow, ...], proposals: tuple[ProposalRow, ...] = ()) -> Section:
    """Return a row per currency, with how hedging stands there and the lines that explain it under it."""
    hedging = {one.currency: one for one in proposals}
    worst = hedges.worst(shown, proposals)
    return tuple(_currency(one, hedging.get(one.currency), worst) for one in shown)


def _currency(one: ExposureRow, hedge: ProposalRow | None, worst: str) -> Row:
    here = name("exposure", one.currency)
    share = one.band_share.value
    level = _band_level(one)
    said = "near" if level == "warn" else _BAND_WORDS[one.band_state]
    signed_share = share if share is None or one.net.value is None or one.net.value >= ZERO else -share
    unit = one.currency
    places = 0 if unit in CASH else None
    lines = tuple(
        row(
            f"{one.currency}-{place}",
            {"holder": line.holder, "what": line.what, "kind": _LINE_WORDS[line.kind]},
            {"amount": figure(f"{here}-line-{place}", line.amount, unit, sign=True, decimals=places)},
        )
        for place, line in enumerate(one.lines)
    )
    used = {}
    if one.band is not None:
        used = {
            "band": band(f"{here}-band", signed_share, level),
            "share": figure(f"{here}-share", one.band_share, "%", decimals=0, scale=HUNDRED, suffix=" %"),
        }
    return row(
        one.currency,
        {
            "currency": one.currency,
            "band": f"±{_short(one.band)}" if one.band is not None else None,
            "breach": "breach" if level == "bad" else None,
            **hedges.texts(hedge, worst),
        },
        {
            "long": figure(f"{here}-long", one.long, unit, sign=True, decimals=places),
            "short": figure(f"{here}-short", one.short, unit, sign=True, decimals=places),
            "net": figure(f"{here}-net", one.net, unit, sign=True, arrow=True, decimals=places),
            "net_usd": figure(f"{here}-usd", one.net_usd, "USD", sign=True),
            **used,
            **hedges.leaves(hedge, numbers.decimals_of(unit) if places is None else places),
            "word": word(f"{here}-word", said, level, one.net.because if one.band_state == "unknown" else ""),
        },
        lines,
    )


def _short(bound: Decimal) -> str:
    """Return a limit in few digits: millions as such, where none of them is lost."""
    if bound >= MILLION and not bound % (MILLION / 10):
        return f"{numbers.full(bound / MILLION)} M"
    return numbers.plain(bound, 0 if bound == int(bound) else 2)


def _band_level(one: ExposureRow) -> Level:
    if one.band_state == "outside":
        return "bad"
    if one.band_state in ("unknown", "unbounded"):
        return "idle"
    return "warn" if (one.band_share.value or ZERO) >= NEAR else "good"


def concentrations(shown: tuple[ConcentrationRow, ...]) -> Section:
    """Return net and gross per venue and per instrument."""
    return tuple(_concentration(one) for one in shown)


def _concentration(one: ConcentrationRow) -> Row:
    here = name("concentration", one.scope, one.name, one.currency)
    unit = one.currency
    return row(
        f"{one.scope}:{one.name}:{one.currency}",
        {"scope": one.scope, "name": one.name, "currency": one.currency},
        {
            "net": figure(f"{here}-net", one.net, unit, sign=True),
            "gross": figure(f"{here}-gross", one.gross, unit),
            "net_usd": figure(f"{here}-net_usd", one.net_usd, "USD", sign=True),
            "gross_usd": figure(f"{here}-gross_usd", one.gross_usd, "USD"),
        },
    )
