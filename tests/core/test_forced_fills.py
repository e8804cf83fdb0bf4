"""What a venue forced calls somebody: with what it cost, for an hour, louder for a liquidation than for an end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from hedgeapp.core.instruments import Expiry
from portfolio.core.attribution import Line, Part
from portfolio.core.forced_fills import ForcedFills, forced_fills, forced_readings
from tests.builders.books import AT, LINEAR, USDM, D, book_of, instrument


def part(line: Line, usd: str, who: str = USDM) -> Part:
    return Part(line=line, who=who, subject=LINEAR, asset="USDT", units=D(0), usd=D(usd))


def test_forced_parts_are_summed_by_account_and_instrument_and_no_other_part() -> None:
    minutes = [
        (AT, [part("forced", "-100"), part("slippage", "-7"), part("forced", "-1", "bybit:main")]),
        (AT + timedelta(minutes=1), [part("forced", "40")]),
        (AT + timedelta(minutes=2), [part("price", "3")]),
    ]
    assert forced_fills(minutes) == (
        ForcedFills(account=USDM, instrument=LINEAR, at=AT + timedelta(minutes=1), usd=D(-60)),
        ForcedFills(account="bybit:main", instrument=LINEAR, at=AT, usd=D(-1)),
    )


@pytest.mark.parametrize(("expiry", "severity"), [("perpetual", "critical"), ("dated", "warning")])
def test_a_forced_fill_calls_somebody_and_the_end_of_a_contract_less_loudly(expiry: Expiry, severity: str) -> None:
    book = book_of(instruments=(replace(instrument(LINEAR), expiry=expiry),))
    (found,) = forced_readings([ForcedFills(account=USDM, instrument=LINEAR, at=AT, usd=D("-1234.5"))], book)
    assert (found.verdict, found.severity) == ("ill", severity)
    assert found.subject == f"{USDM} {LINEAR}"
    assert "-1,234.50 USD against the mark" in found.said


def test_nothing_forced_says_nothing() -> None:
    assert list(forced_readings((), book_of())) == []
