"""What a webhook told against what the list says: the same, another thing, nothing yet, nothing at all."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from marketdata.core.notices import AGREED_WITHIN, COMPLAINED_FOR, TOLD, TOLD_WITHIN, Listed, Notice, judged, untold
from tests.builders.orders import AT

NOTICE = Notice(
    digest="d", event_type=3, order_id="7", coin="USDT", amount=Decimal(5), at=AT, received_at=AT + timedelta(seconds=1)
)
ROW = Listed(order_id="7", direction="withdrawal", coin="USDT", amount=Decimal(5), has_succeeded=True, at=AT)
SOON, LATE = AT + timedelta(seconds=2), AT + AGREED_WITHIN + timedelta(seconds=2)


@pytest.mark.parametrize("event_type", TOLD)
def test_what_both_say_alike_is_agreed(event_type: int) -> None:
    direction, has_succeeded = TOLD[event_type]
    row = replace(ROW, direction=direction, has_succeeded=has_succeeded)
    (one,) = judged([replace(NOTICE, event_type=event_type)], [row], SOON)
    assert (one.verdict, one.said) == ("agreed", "")


def test_what_is_not_listed_yet_waits() -> None:
    assert list(judged([NOTICE], [], SOON)) == []


def test_what_is_never_listed_disagrees() -> None:
    (one,) = judged([NOTICE], [replace(ROW, order_id="8")], LATE)
    assert one.verdict == "disagrees"
    assert "which no list has" in one.said


def test_what_failed_need_not_be_listed() -> None:
    (one,) = judged([replace(NOTICE, event_type=2)], [], SOON)
    assert one.verdict == "agreed"


@pytest.mark.parametrize(
    "row",
    [
        replace(ROW, direction="deposit"),
        replace(ROW, coin="BTC"),
        replace(ROW, amount=Decimal("5.1")),
        replace(ROW, has_succeeded=False),
    ],
)
def test_what_is_listed_otherwise_disagrees_at_once(row: Listed) -> None:
    (one,) = judged([NOTICE], [row], SOON)
    assert one.verdict == "disagrees"
    assert "tells of order 7" in one.said


def test_what_nobody_told_in_time_is_missing_for_a_while() -> None:
    missing = AT + TOLD_WITHIN + timedelta(seconds=1)
    assert list(untold([ROW], [], AT, missing)) == [ROW]
    assert list(untold([ROW], ["7"], AT, missing)) == []
    assert list(untold([ROW], [], AT, AT + TOLD_WITHIN)) == []
    assert list(untold([ROW], [], AT, missing + COMPLAINED_FOR)) == []


def test_nothing_is_missing_of_the_time_before_the_first_notice() -> None:
    missing = AT + TOLD_WITHIN + timedelta(seconds=1)
    assert list(untold([ROW], [], AT + timedelta(seconds=1), missing)) == []
