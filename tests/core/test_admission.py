"""What may enter the catalogue."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.instruments import Instrument, Tier
from hedgeapp.core.reference import Account, Asset, Chain, Custodian, Limit, Token, Venue, Wallet
from marketdata.core import admission
from marketdata.core.admission import require_admissible
from marketdata.core.catalogue import Catalogue, Row, change_of, key_of, row_of
from marketdata.core.wellformed import (
    AddressIsMalformed,
    NameIsMalformed,
    NumberIsOutOfRange,
    UnknownProtocol,
    UrlIsMalformed,
)

AT = datetime(2026, 11, 21, tzinfo=UTC)
ADDRESS = "0x" + "ab" * 20


def asset(symbol: str, underlying: str = "") -> Asset:
    return Asset(symbol=symbol, name=symbol, decimals=18, underlying=underlying or symbol)


VENUE = Venue(
    name="binance-usdm",
    protocol="binance-usdm",
    rest_url="https://fapi.binance.com",
    ws_url="wss://fstream.binance.com",
)
ACCOUNT = Account(name="binance-usdm:main", venue="binance-usdm", label="main", instruments=("ETH-USDT-PERP",))
TIERS = tuple(
    Tier(
        floor=Decimal(floor),
        cap=Decimal(cap),
        maintenance_rate=Decimal(rate),
        deduction=Decimal(deduction),
        leverage_max=Decimal(leverage),
    )
    for floor, cap, rate, deduction, leverage in (
        ("0", "50000", "0.004", "0", "125"),
        ("50000", "600000", "0.005", "50", "100"),
    )
)
LINEAR = Instrument(
    id="binance-usdm:ETH-USDT-PERP",
    venue="binance-usdm",
    symbol="ETH-USDT-PERP",
    venue_symbol="ETHUSDT",
    kind="linear",
    expiry="perpetual",
    base="ETH",
    quote="USDT",
    settlement="USDT",
    contract_size=Decimal(1),
    tick_size=Decimal("0.01"),
    step_size=Decimal("0.001"),
    tiers=TIERS,
)
INVERSE = replace(
    LINEAR,
    id="binance-usdm:ETH-USD-20261225",
    symbol="ETH-USD-20261225",
    venue_symbol="ETHUSD_261225",
    kind="inverse",
    expiry="dated",
    quote="USD",
    settlement="ETH",
    contract_size=Decimal(10),
    expires_at=datetime(2026, 12, 25, 8, tzinfo=UTC),
)
CUSTODIAN = Custodian(name="ceffu", protocol="ceffu", url="https://open-api.ceffu.com")
CHAIN = Chain(
    name="ethereum",
    url="https://node.example",
    chain_id=1,
    confirmations=12,
    wallets=(Wallet(address=ADDRESS, label="treasury"),),
    tokens=(Token(asset="stETH", address=ADDRESS, decimals=18),),
    wsteth=ADDRESS,
    steth_pool=ADDRESS,
    minting=ADDRESS,
    synthetic=ADDRESS,
)
CYCLE = Limit(name="cycle", kind="settlement_cycle", subject="account", value=Decimal(28_800), unit="s")
AGE = Limit(name="mark age", kind="data_age_ms_max", subject="mark", value=Decimal(3_000), unit="ms")
BAND = Limit(name="ETH net delta", kind="net_delta_band", subject="ETH", value=Decimal(25), unit="ETH")
ROWS: tuple[Row, ...] = (
    asset("ETH"),
    asset("USDT"),
    asset("stETH", "ETH"),
    VENUE,
    ACCOUNT,
    LINEAR,
    INVERSE,
    CUSTODIAN,
    CHAIN,
    BAND,
)


def catalogue() -> Catalogue:
    known = Catalogue()
    for row in ROWS:
        known = known.with_row(row)
    return known


def test_rows_enter_an_empty_catalogue_in_the_order_in_which_they_refer_to_each_other() -> None:
    known = Catalogue()
    for row in ROWS:
        require_admissible(row, known)
        known = known.with_row(row)


def test_a_catalogue_folded_from_its_events_is_the_catalogue() -> None:
    known = Catalogue()
    for row in ROWS:
        event = change_of(row, at=AT, version=1, by="seed", reason="")
        assert row_of(event) == row
        assert event.key.endswith(f"{key_of(row)}:1")
        known = known.apply(event)
    assert known == catalogue()


@pytest.mark.parametrize(
    ("row", "changes", "refusal"),
    [
        (LINEAR, {"contract_size": Decimal(0)}, NumberIsOutOfRange),
        (LINEAR, {"contract_size": Decimal("-1")}, NumberIsOutOfRange),
        (LINEAR, {"contract_size": Decimal("NaN")}, NumberIsOutOfRange),
        (LINEAR, {"tick_size": Decimal("Infinity")}, NumberIsOutOfRange),
        (LINEAR, {"step_size": Decimal("1E-19")}, NumberIsOutOfRange),
        (LINEAR, {"tick_size": Decimal(10) ** 20}, NumberIsOutOfRange),
        (LINEAR, {"settlement": "ETH"}, admission.SettlementContradictsKind),
        (INVERSE, {"settlement": "USDT"}, admission.SettlementContradictsKind),
        (LINEAR, {"base": "DOGE"}, admission.UnknownAsset),
        (LINEAR, {"venue": "nowhere"}, admission.UnknownVenue),
        (LINEAR, {"id": "binance-usdm:BTC-USDT-PERP"}, NameIsMalformed),
        (LINEAR, {"expires_at": AT}, admission.ExpiryContradictsSymbol),
        (LINEAR, {"expiry": "dated"}, admission.ExpiryContradictsSymbol),
        (INVERSE, {"expires_at": AT}, admission.ExpiryContradictsSymbol),
        (INVERSE, {"expires_at": None}, admission.ExpiryContradictsSymbol),
        (LINEAR, {"tiers": TIERS[::-1]}, admission.TiersNotAscending),
        (LINEAR, {"tiers": TIERS[1:]}, admission.TiersNotAscending),
        (LINEAR, {"tiers": (TIERS[0], replace(TIERS[1], floor=Decimal(60000)))}, admission.TiersNotAscending),
        (
            LINEAR,
            {"tiers": (TIERS[0], replace(TIERS[1], maintenance_rate=Decimal("0.003")))},
            admission.TiersNotAscending,
        ),
        (LINEAR, {"tiers": (replace(TIERS[0], leverage_max=Decimal(0)),)}, NumberIsOutOfRange),
        (LINEAR, {"tiers": (replace(TIERS[0], growth=Decimal("-0.001")),)}, NumberIsOutOfRange),
        (ACCOUNT, {"venue": "nowhere", "name": "nowhere:main"}, admission.UnknownVenue),
        (ACCOUNT, {"name": "binance-coinm:main"}, NameIsMalformed),
        (ACCOUNT, {"name": "binance-usdm"}, NameIsMalformed),
        (ACCOUNT, {"label": ""}, NameIsMalformed),
        (ACCOUNT, {"instruments": ("ETHUSDT",)}, NameIsMalformed),
        (ACCOUNT, {"instruments": ("ETH-USDT-PERP", "ETH-USDT-PERP")}, NameIsMalformed),
        (VENUE, {"rest_url": "fapi.binance.com"}, UrlIsMalformed),
        (VENUE, {"ws_url": "https://fstream.binance.com"}, UrlIsMalformed),
        (VENUE, {"protocol": "mt-gox"}, UnknownProtocol),
        (CUSTODIAN, {"protocol": "shoebox"}, UnknownProtocol),
        (CHAIN, {"wsteth": "0x12"}, AddressIsMalformed),
        (CHAIN, {"tokens": (Token(asset="DOGE", address=ADDRESS, decimals=18),)}, admission.UnknownAsset),
        (CHAIN, {"wallets": CHAIN.wallets * 2}, NameIsMalformed),
        (
            CHAIN,
            {"wallets": (Wallet(address=CHAIN.minting, label="minting", purpose="reserve"),)},
            admission.WalletIsNoReserve,
        ),
        (CHAIN, {"chain_id": 0}, NumberIsOutOfRange),
        (BAND, {"kind": "mood"}, admission.UnknownLimitKind),
        (BAND, {"kind": "price_collar"}, admission.LimitUnitIsWrong),
        (BAND, {"kind": "price_collar", "unit": "bp", "value": Decimal(1001)}, NumberIsOutOfRange),
        (BAND, {"kind": "order_size_max", "unit": "contracts"}, admission.LimitUnitIsWrong),
        (BAND, {"kind": "hedge_release", "unit": "ratio", "value": Decimal("1.1")}, NumberIsOutOfRange),
        (BAND, {"unit": "USD"}, admission.LimitUnitIsWrong),
        (BAND, {"subject": "DOGE", "unit": "DOGE"}, admission.UnknownAsset),
        (BAND, {"value": Decimal(0)}, NumberIsOutOfRange),
        (BAND, {"name": "another ETH net delta"}, admission.LimitIsDouble),
        (CYCLE, {"value": Decimal("0.0000001")}, NumberIsOutOfRange),
        (CYCLE, {"value": Decimal(604_801)}, NumberIsOutOfRange),
        (AGE, {"value": Decimal("0.0001")}, NumberIsOutOfRange),
        (AGE, {"value": Decimal(10) ** 18}, NumberIsOutOfRange),
        (BAND, {"kind": "data_age_ms_max", "unit": "ms"}, NameIsMalformed),
        (asset("wstETH"), {"underlying": "stETH"}, admission.UnderlyingHasUnderlying),
        (asset("wstETH"), {"underlying": "DOGE"}, admission.UnknownAsset),
        (asset("ETH"), {"symbol": "E TH", "underlying": "E TH"}, NameIsMalformed),
        (asset("ETH"), {"assumed_usd": Decimal("-1")}, NumberIsOutOfRange),
        (asset("ETH"), {"decimals": 37}, NumberIsOutOfRange),
    ],
)
def test_a_row_that_contradicts_is_refused_by_name(row: Any, changes: dict[str, Any], refusal: type[Exception]) -> None:
    with pytest.raises(refusal, match="expected"):
        require_admissible(replace(row, **changes), catalogue())


def test_a_url_with_a_password_is_refused_without_repeating_it() -> None:
    url = "https://operator:hunter2@node.example/path?key=hunter2"
    with pytest.raises(UrlIsMalformed) as refusal:
        require_admissible(replace(CHAIN, url=url), catalogue())
    assert "hunter2" not in str(refusal.value)


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_any_number_is_admitted_or_refused_by_name(number: Decimal) -> None:
    row = replace(BAND, value=number)
    try:
        require_admissible(row, catalogue())
    except NumberIsOutOfRange:
        return
    assert 0 < number < 10**20
    assert len(f"{number:f}".partition(".")[2]) <= 18
