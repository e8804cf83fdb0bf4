"""Reserve days on a page: for how long the reserve fund lasts at three sets of rates.  Frame x query -> rows

What somebody types in is in per cent a year; a bad number is refused in a sentence, and nothing is reckoned with it.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from hedgeapp.core.amounts import ZERO
from portfolio.core.figures import Figure
from portfolio.core.frames import Frame
from portfolio.core.reserve_days import Stress, reserve_days
from portfolio.core.rows.stress import Basis, ReserveDays
from portfolio.screen.backing import CENTS, reserve_sum
from portfolio.screen.exposure import HUNDRED
from portfolio.screen.leaves import figure, word
from portfolio.screen.numbers import signed
from portfolio.screen.page import Row, row

RATE_MAX: Final = Decimal(10_000)  # per cent a year; the floors of venues come to less
TEXT_MAX: Final = 40
DAYS_DECIMALS: Final = 1
WORDS: Final[Mapping[Basis, tuple[str, str]]] = {
    "present": ("rates of now", "as the next 24 hours are"),
    "bound": (
        "floor of each contract's rate",
        "every payment at the lowest rate that its venue allows; of a long at the cap",
    ),
    "typed": ("typed rate a year", "the same rate for every position"),
}


class RateIsRefused(ValueError):
    """What was typed in is no rate a year within its bounds."""


def stress_in(query: Mapping[str, str]) -> Stress:
    """Read the rates that somebody asks for; raise RateIsRefused, with a sentence."""
    funding, staking = _rate("funding", query, -RATE_MAX), _rate("staking", query, ZERO)
    return Stress(funding=funding, staking=staking or ZERO)


def reserve_rows(frame: Frame, stress: Stress) -> dict[str, Any]:
    """Return what the section shows."""
    earns = f"staked assets earning {signed(stress.staking * HUNDRED, CENTS)} % a year" if stress.staking else ""
    return {
        "fund": figure("reserve-fund", reserve_sum(frame), "USD", decimals=CENTS),
        "lines": tuple(
            _line(one, stress)
            for one in reserve_days(frame, stress)
            if one.basis != "typed" or stress.funding is not None
        ),
        "staking": earns or "staking income is not counted: type in a rate",
    }


def _rate(name: str, query: Mapping[str, str], least: Decimal) -> Decimal | None:
    text = query.get(name, "").strip()
    if not text:
        return None
    try:
        found = Decimal(text.replace("−", "-")) if len(text) <= TEXT_MAX else Decimal("nan")
    except InvalidOperation:
        found = Decimal("nan")
    if not found.is_finite() or not least <= found <= RATE_MAX:
        said = f"{name} expected in per cent a year, from {least:,f} to {RATE_MAX:,f}, found {text[:TEXT_MAX]!r}"
        raise RateIsRefused(said)
    return found / HUNDRED


def _line(one: ReserveDays, stress: Stress) -> Row:
    here = f"reserve-{one.basis}"
    label, because = WORDS[one.basis]
    because += ", and what staked assets earn" if stress.staking else ""
    if one.basis == "typed" and stress.funding is not None:
        label = f"{signed(stress.funding * HUNDRED, CENTS)} % a year"
    leaves = {
        "flow": figure(f"{here}-flow", one.flow_usd, "USD", decimals=CENTS, sign=True),
        "days": _days(f"{here}-days", one.days),
    }
    said = one.days.because if one.days.value is None and one.days.state == "unknown" else because
    return row(one.basis, {"label": label, "because": said}, leaves)


def _days(id: str, days: Figure) -> Any:
    if days.value is None and days.state != "unknown":
        return word(id, "does not fall", "good", days.because)
    return figure(id, days, "days", decimals=DAYS_DECIMALS, suffix=" days")
