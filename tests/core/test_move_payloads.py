"""One payload has one form, and whatever changes in it changes its hash; a move has one name everywhere."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.core.move_payloads import (
    AmountHasNoForm,
    ExpiryHasNoZone,
    canonical_bytes,
    payload_hash,
    rejection_hash,
    spoken,
    written,
)
from portfolio.core.move_request_ids import ProtocolTakesNoMoves, is_ours, move_id, request_id
from tests.builders.moves import NAME, D, payload

OTHERS: dict[str, Any] = {
    "move_id": "mv2",
    "kind": "undelegate",
    "custodian": "copper",
    "asset": "ETH",
    "amount": D("100.000000000000000001"),
    "source": "w9",
    "destination": "okx:main",
    "venue": "okx",
    "route": "77002",
    "expires_at": payload().expires_at + timedelta(microseconds=1),
}


def test_the_form_of_a_payload_never_changes() -> None:
    assert canonical_bytes(payload("mv1")) == (
        b'collateral move 1\n{"move_id":"mv1","kind":"delegate","custodian":"ceffu","asset":"stETH","amount":"100",'
        b'"source":"w1","destination":"binance-usdm:main","venue":"binance-usdm","route":"77001",'
        b'"expires_at":"2026-03-01T16:00:00.123456+00:00"}'
    )


def test_the_table_of_changes_has_every_field() -> None:
    assert OTHERS.keys() == {field.name for field in fields(payload())}


@pytest.mark.parametrize("field", OTHERS)
def test_whatever_changes_in_a_payload_changes_its_hash(field: str) -> None:
    changed = replace(payload(), **{field: OTHERS[field]})
    assert payload_hash(changed) != payload_hash(payload())
    assert len(payload_hash(changed)) == 32


def test_a_signed_rejection_is_no_approval() -> None:
    assert rejection_hash(payload()) != payload_hash(payload())


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=0, max_value=10**15), st.integers(0, 6))
def test_one_amount_has_one_spelling_and_no_two_amounts_share_it(amount: Decimal, zeros: int) -> None:
    padded = Decimal(f"{amount:f}" + "0" * zeros)
    assert written(padded) == written(amount)
    assert Decimal(written(amount)) == amount


def test_a_time_is_one_time_in_every_zone() -> None:
    there = payload().expires_at.astimezone(timezone(timedelta(hours=-5)))
    assert payload_hash(payload(expires_at=there)) == payload_hash(payload())


def test_a_name_cannot_pretend_to_be_two_fields() -> None:
    one = payload(source='w1","destination":"x', destination="y")
    other = payload(source="w1", destination='x","destination":"y')
    assert payload_hash(one) != payload_hash(other)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1E+100", "1E-100", "0.1234567890123456789", "1" * 61])
def test_an_amount_that_nobody_can_read_has_no_form(amount: str) -> None:
    with pytest.raises(AmountHasNoForm):
        payload_hash(payload(amount=Decimal(amount)))
    assert spoken(Decimal(amount))


def test_a_time_without_a_zone_has_no_form() -> None:
    with pytest.raises(ExpiryHasNoZone, match="zone"):
        payload_hash(payload(expires_at=datetime(2026, 3, 1)))  # noqa: DTZ001
    assert payload_hash(payload(expires_at=datetime(2026, 3, 1, tzinfo=UTC)))


def test_the_same_asking_gives_the_same_move_and_the_same_request() -> None:
    assert move_id("ticket:1") == move_id("ticket:1") == NAME
    assert move_id("ticket:2") != NAME
    assert is_ours(NAME)
    assert not is_ours("4502198")
    assert request_id(NAME, "ceffu") == request_id(NAME, "ceffu")


@given(st.text())
def test_a_request_id_is_good_as_a_string_and_as_an_integer(asked: str) -> None:
    made = request_id(move_id(asked), "ceffu")
    assert len(made) == 18
    assert str(int(made)) == made
    assert int(made) < 2**63


def test_nobody_guesses_how_another_custodian_names_requests() -> None:
    with pytest.raises(ProtocolTakesNoMoves, match="ceffu"):
        request_id(NAME, "acme")
