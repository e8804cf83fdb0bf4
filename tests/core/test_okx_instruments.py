"""What OKX says of its contracts becomes instruments, and what contradicts itself is refused by field."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.core.okx_instruments import instruments, symbol_of
from marketdata.core.reference import ReferenceContradicts

D = Decimal
ROW: dict[str, Any] = {
    "instType": "SWAP",
    "instId": "ETH-USDT-SWAP",
    "instFamily": "ETH-USDT",
    "uly": "ETH-USDT",
    "ctType": "linear",
    "ctVal": "0.1",
    "ctMult": "1",
    "ctValCcy": "ETH",
    "settleCcy": "USDT",
    "tickSz": "0.01",
    "lotSz": "0.01",
    "minSz": "0.01",
    "expTime": "",
    "state": "live",
}
INVERSE = ROW | {"instId": "ETH-USD-SWAP", "instFamily": "ETH-USD", "uly": "ETH-USD", "ctType": "inverse"}
INVERSE |= {"ctVal": "10", "ctValCcy": "USD", "settleCcy": "ETH", "lotSz": "1", "minSz": "1"}
DATED = ROW | {"instType": "FUTURES", "instId": "ETH-USDT-270326", "expTime": "1806048000000"}

TIERS: list[dict[str, Any]] = [
    {"instFamily": family, "minSz": least, "maxSz": most, "mmr": rate, "imr": "0.02", "maxLever": lever}
    for family in ("ETH-USDT", "ETH-USD")
    for least, most, rate, lever in (("2001", "10000", "0.01", "50"), ("0", "2000", "0.004", "100"))
]


def found(*rows: dict[str, Any], symbol: str = "ETH-USDT-PERP") -> Any:
    """Return the one instrument of rows."""
    (one,) = instruments("okx", rows, TIERS, symbols=[symbol], assets={"ETH", "USDT"})
    return one


def test_a_linear_swap_is_a_part_of_a_coin_a_contract_and_traded_in_parts_of_contracts() -> None:
    one = found(ROW)
    assert (one.id, one.venue_symbol, one.kind, one.expiry) == (
        "okx:ETH-USDT-PERP",
        "ETH-USDT-SWAP",
        "linear",
        "perpetual",
    )
    assert (one.contract_size, one.tick_size, one.step_size, one.settlement) == (D("0.1"), D("0.01"), D("0.01"), "USDT")
    assert one.is_trading


def test_tiers_are_bounded_in_contracts_and_follow_on_each_other() -> None:
    tiers = found(ROW).tiers
    assert [(each.floor, each.cap, each.maintenance_rate, each.leverage_max) for each in tiers] == [
        (D(0), D(2000), D("0.004"), D(100)),
        (D(2000), D(10000), D("0.01"), D(50)),
    ]
    assert {(each.unit, each.deduction) for each in tiers} == {("contracts", D(0))}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"minSz": "2500"}, "minSz"),
        ({"maxSz": "1"}, "minSz"),
        ({"mmr": "0.004"}, "mmr"),
        ({"mmr": "2"}, "mmr"),
        ({"maxLever": "0"}, "maxLever"),
        ({"instFamily": "XRP-USDT"}, None),
    ],
)
def test_a_tier_that_does_not_fit_is_refused_by_field(change: dict[str, Any], said: str | None) -> None:
    limits = [TIERS[0] | change, TIERS[1]]
    if said is None:
        assert len(instruments("okx", [ROW], limits, symbols=["ETH-USDT-PERP"], assets={"ETH", "USDT"})[0].tiers) == 1
        return
    with pytest.raises(ReferenceContradicts, match=said):
        instruments("okx", [ROW], limits, symbols=["ETH-USDT-PERP"], assets={"ETH", "USDT"})


def test_a_contract_without_tiers_is_refused() -> None:
    with pytest.raises(ReferenceContradicts, match="position-tiers"):
        instruments("okx", [ROW], [], symbols=["ETH-USDT-PERP"], assets={"ETH", "USDT"})


def test_an_inverse_swap_is_some_dollars_a_contract_and_settled_in_its_coin() -> None:
    one = found(INVERSE, symbol="ETH-USD-PERP")
    assert (one.kind, one.contract_size, one.step_size, one.settlement, one.quote) == (
        "inverse",
        D(10),
        D(1),
        "ETH",
        "USD",
    )


def test_the_multiplier_is_part_of_what_a_contract_is_worth() -> None:
    assert found(ROW | {"ctMult": "10"}).contract_size == D(1)


def test_a_dated_contract_has_its_day_in_its_symbol() -> None:
    one = found(DATED, symbol="ETH-USDT-20270326")
    assert (one.expiry, one.expires_at) == ("dated", datetime(2027, 3, 26, 8, tzinfo=UTC))


def test_a_contract_that_is_not_traded_now_is_known_as_such() -> None:
    assert not found(ROW | {"state": "suspend"}).is_trading


def test_kinds_that_are_not_traded_have_no_spelling() -> None:
    assert symbol_of(ROW | {"instType": "OPTION"}) is None


def test_a_contract_of_another_family_on_the_same_index_is_another_one() -> None:
    unified = INVERSE | {"instId": "ETH-USD_UM-SWAP", "instFamily": "ETH-USD_UM", "ctType": "linear", "ctValCcy": "ETH"}
    one = found(unified, INVERSE, symbol="ETH-USD-PERP")
    assert one.venue_symbol == "ETH-USD-SWAP"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"settleCcy": "ETH"}, "settleCcy: USDT expected, found ETH"),
        ({"ctValCcy": "USDT"}, "ctValCcy: ETH expected, found USDT"),
        ({"ctType": "inverse"}, "settleCcy: ETH expected, found USDT"),
        ({"ctType": ""}, "ctType: linear or inverse expected, found "),
        ({"instId": "BTC-USDT-SWAP"}, "instId: ETH-USDT-SWAP expected, found BTC-USDT-SWAP"),
        ({"instFamily": "XRP-USDT"}, "an instrument of the venue expected, found none"),
        ({"ctVal": ""}, "ctVal: a number expected, found "),
        ({"ctMult": "0"}, "ctMult: above 0 expected, found 0"),
        ({"tickSz": None}, "tickSz: a number expected, found None"),
        ({"lotSz": "-1"}, "lotSz: above 0 expected, found -1"),
        ({"minSz": "1e999"}, "minSz: numbers that fit together expected, found 0.1, 1, 0.01, 1e999"),
        ({"ctVal": "1e999999", "ctMult": "10"}, "numbers that fit together expected, found 1e999999, 10, 0.01, 0.01"),
        ({"minSz": "0.015"}, "minSz: a multiple of lotSz 0.01 expected, found 0.015"),
    ],
)
def test_what_contradicts_itself_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ReferenceContradicts, match=field):
        found(ROW | change)


def test_a_contract_of_an_asset_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ReferenceContradicts, match="instFamily: of BTC expected, found ETH"):
        instruments("okx", [ROW], TIERS, symbols=["ETH-USDT-PERP"], assets={"BTC"})


def test_a_contract_twice_is_refused() -> None:
    with pytest.raises(ReferenceContradicts, match="once expected, found twice"):
        found(ROW, ROW)


@pytest.mark.parametrize("expiry", ["", "later", "9e99", None])
def test_a_dated_contract_without_a_time_is_refused(expiry: str | None) -> None:
    with pytest.raises(ReferenceContradicts, match="expTime"):
        found(DATED | {"expTime": expiry}, symbol="ETH-USDT-20270326")


@given(st.sampled_from(sorted(ROW)), st.none() | st.integers() | st.floats() | st.text(max_size=20) | st.just([]))
def test_whatever_stands_in_a_field_it_is_an_instrument_or_refused_by_name(field: str, value: Any) -> None:
    try:
        one = found(ROW | {field: value})
    except ReferenceContradicts:
        return
    assert (one.base, one.settlement, one.kind) == ("ETH", "USDT", "linear")
    assert min(one.contract_size, one.tick_size, one.step_size) > 0
