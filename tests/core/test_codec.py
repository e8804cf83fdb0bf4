"""Events to bytes and back: exact, the same for ever, and never half read."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events import KINDS, Event
from hedgeapp.core.events.balances import BalanceStated
from hedgeapp.eventlog.codec import BodyIsMalformed, TimeHasNoZone, UnknownField, UnknownKind, decode, encode
from tests.builders.examples import EVERY_KIND
from tests.builders.log import fill

GOLDEN = Path(__file__).parent.parent / "golden" / "events.jsonl"


def golden() -> dict[str, bytes]:
    lines = [line.split(b" ", 1) for line in GOLDEN.read_bytes().splitlines()]
    return {kind.decode(): body for kind, body in lines}


def test_every_kind_has_a_golden_form() -> None:
    assert golden().keys() == KINDS.keys() == EVERY_KIND.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_the_stored_form_of_an_event_never_changes(kind: str) -> None:
    assert encode(EVERY_KIND[kind]) == (kind, golden()[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_stored_event_is_read_back_equal(kind: str) -> None:
    assert decode(kind, golden()[kind]) == EVERY_KIND[kind]


@given(
    value=st.decimals(allow_nan=False, allow_infinity=False),
    at=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    name=st.text(),
)
def test_decimals_times_and_texts_survive_to_the_digit(value: Decimal, at: datetime, name: str) -> None:
    event = BalanceStated(at=at, account=name, asset="USDT", total=value)
    read = decode(*encode(event))
    assert read == event
    assert isinstance(read, BalanceStated)
    assert read.total.as_tuple() == value.as_tuple()


@given(
    field=st.text(min_size=1), value=st.one_of(st.text(), st.integers(), st.none()), kind=st.sampled_from(list(KINDS))
)
def test_a_field_that_this_version_does_not_know_is_refused_by_name(field: str, value: object, kind: str) -> None:
    body = msgspec.json.decode(golden()[kind])
    if field in body:
        return
    with pytest.raises(UnknownField, match=kind):
        decode(kind, msgspec.json.encode({**body, field: value}))


def test_an_unknown_field_inside_a_nested_record_is_named_with_its_path() -> None:
    body = msgspec.json.decode(golden()["InstrumentChanged"])
    body["instrument"]["tiers"][0]["color"] = "red"
    with pytest.raises(UnknownField, match=r"instrument\.tiers\.color"):
        decode("InstrumentChanged", msgspec.json.encode(body))


def test_a_field_with_a_default_may_be_missing_in_what_an_older_version_wrote() -> None:
    body = msgspec.json.decode(golden()["AssetChanged"])
    del body["reason"]
    event: Event = decode("AssetChanged", msgspec.json.encode(body))
    assert event == msgspec.convert({**body, "reason": ""}, KINDS["AssetChanged"], str_keys=True)


def test_a_text_that_looks_like_a_field_is_no_field() -> None:
    event = fill(1, venue_order_id='"x":')
    assert decode(*encode(event)) == event


def test_an_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(UnknownKind, match="OrderShouted"):
        decode("OrderShouted", b"{}")


def test_bytes_that_are_no_event_are_refused() -> None:
    with pytest.raises(BodyIsMalformed, match="FillRecorded"):
        decode("FillRecorded", b'{"at":')


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(TimeHasNoZone):
        encode(fill(1, at=datetime(2026, 3, 1)))  # noqa: DTZ001


def test_another_zone_is_the_same_time() -> None:
    event = fill(1, at=datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2))))
    assert decode(*encode(event)).at == datetime(2026, 3, 1, 12, tzinfo=UTC)
