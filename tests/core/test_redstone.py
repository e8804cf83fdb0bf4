"""RedStone: what three of five signers say at one time is a price, and nothing else is."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.reference import Trust
from marketdata.core.oracles import redstone, redstone_gateway, redstone_payload
from marketdata.core.oracles.signatures import OracleRefused
from sandbox.redstone.packages import package
from tests.builders.oracles import (
    ADDRESSES,
    AT,
    AT_MS,
    PRODUCTION,
    SERVICE,
    SHARED,
    SIGNERS,
    STRANGER,
    answer,
    nodes,
    signed_payload,
)

FOLDER: Final = SHARED / "redstone"
GATEWAY: Final = FOLDER / "gateway_subset_20240701T180140Z.json"
PAYLOADS: Final = sorted((FOLDER / "payloads").glob("*.bin"))
NEEDS_DATA: Final = pytest.mark.skipif(
    not GATEWAY.exists(), reason="the recorded packages of ../shared/data/redstone are not here"
)
FEEDS: Final = {"ETH": 8, "USDT": 8, "BTC": 8}
VALUES: Final = (3_000.5, 3_000.25, 3_001.75, 2_999.125, 3_000.375)
ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

Said = dict[str, tuple[Decimal, Decimal, datetime]]


def from_payload(blob: bytes, trust: Trust | None = None, at: datetime = AT) -> Said:
    return _said(redstone_payload.packages(blob), trust, at)


def from_gateway(text: bytes, trust: Trust | None = None, feeds: dict[str, int] = FEEDS) -> Said:
    return _said(redstone_gateway.packages(text, feeds), trust, AT, feeds)


def _said(
    packages: tuple[redstone.Package, ...], trust: Trust | None, at: datetime, feeds: dict[str, int] = FEEDS
) -> Said:
    found = redstone.verified(packages, trust or nodes(), feeds, at)
    return {feed: (one.value, one.conf, one.published_at) for feed, one in found.items()}


def test_the_price_is_the_median_of_what_the_signers_say() -> None:
    found = redstone.verified(redstone_payload.packages(signed_payload(*VALUES)), nodes(), FEEDS, AT)["ETH"]
    assert (found.value, found.conf, found.published_at) == (Decimal("3000.375"), Decimal("1.375"), AT)
    assert found.proof.words == f"{SERVICE} set 0: 5 of 5 signed"


@pytest.mark.parametrize("said", [from_payload, from_gateway])
def test_of_an_even_count_the_median_is_the_floored_mean_of_the_middle(said: Callable[[bytes], Said]) -> None:
    values = [1.00000001, 1.00000002, 1.0, 2.0]
    given = signed_payload(*values) if said is from_payload else answer({"ETH": values})
    assert said(given)["ETH"][0] == Decimal("1.00000001")


@given(values=st.lists(st.floats(0.0001, 1e6), min_size=3, max_size=5))
def test_both_forms_say_the_same(values: list[float]) -> None:
    assert from_gateway(answer({"ETH": values})) == from_payload(signed_payload(*values))


@given(value=st.floats(0, 1e9))
def test_a_number_is_signed_rounded_half_up(value: float) -> None:
    found = redstone_gateway.integer(value, 8)
    assert abs(Decimal(found).scaleb(-8) - Decimal(value)) <= Decimal("5e-9")
    assert redstone_gateway.integer(0.5, 0) == 1


METADATA: Final = b"1719856900000#0.5.1#redstone"
BLOB: Final = signed_payload(*VALUES, metadata=METADATA)
METADATA_END: Final = len(BLOB) - len(redstone_payload.MARKER) - redstone_payload.METADATA_SIZE_BYTES
UNSIGNED_OF_PAYLOAD: Final = range(METADATA_END - len(METADATA), METADATA_END)


@given(place=st.integers(0, len(BLOB) - 1), flip=st.integers(1, 255))
def test_no_other_byte_of_a_payload_yields_another_price(place: int, flip: int) -> None:
    blob = bytearray(BLOB)
    blob[place] ^= flip
    try:
        found = from_payload(bytes(blob))
    except OracleRefused:
        return
    assert found == from_payload(BLOB)
    assert place in UNSIGNED_OF_PAYLOAD


ANSWER: Final = answer({"ETH": list(VALUES), "USDT": [0.9991, 0.9992, 0.9993]})


@given(place=st.integers(0, len(ANSWER) - 1), flip=st.integers(1, 255))
def test_no_other_byte_of_an_answer_yields_another_price(place: int, flip: int) -> None:
    text = bytearray(ANSWER)
    text[place] ^= flip
    try:
        found = from_gateway(bytes(text))
    except OracleRefused:
        return
    expected = from_gateway(ANSWER)
    assert {feed: expected[feed] for feed in found} == found


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("isSignatureValid", False),
        ("signerAddress", STRANGER.address),
        ("dataServiceId", "x"),
        ("dataPackageId", "BTC"),
        ("dataFeedId", "BTC"),
        ("metadata", {"value": 1}),
    ],
)
def test_what_is_unsigned_is_not_believed(field: str, value: object) -> None:
    kept = json.loads(ANSWER)
    kept["ETH"][0][field] = value
    assert from_gateway(json.dumps(kept).encode()) == from_gateway(ANSWER)


@given(text=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_an_answer_of_any_kind_is_read_or_refused_in_a_sentence(text: bytes) -> None:
    try:
        found = from_gateway(text)
    except OracleRefused as refusal:
        sentence = str(refusal)
    else:
        sentence = "" if found else "nothing expected, and nothing found"
    assert "expected" in sentence


@given(blob=st.binary(max_size=200).map(lambda head: head + BLOB[-100:]) | st.binary(max_size=300))
def test_bytes_of_any_kind_are_refused_in_a_sentence(blob: bytes) -> None:
    with pytest.raises(OracleRefused, match="expected"):
        from_payload(blob)


def test_packages_before_the_payload_cannot_be_cut_off_by_their_count() -> None:
    count_at = len(BLOB) - len(redstone_payload.MARKER) - 3 - len(METADATA) - 1
    blob = bytearray(BLOB)
    blob[count_at] = 4
    with pytest.raises(redstone.PackageIsMalformed, match="beginning"):
        from_payload(bytes(blob))


def test_too_few_signers_are_refused() -> None:
    with pytest.raises(redstone.SignersAreTooFew, match="3 signers of ETH expected, found 2"):
        from_payload(signed_payload(*VALUES[:2]))


def test_one_signer_counts_once() -> None:
    kept = json.loads(answer({"ETH": list(VALUES[:2])}))
    kept["ETH"].append(package("ETH", 1.0, AT_MS, SIGNERS[0], SERVICE))
    with pytest.raises(redstone.SignerSaysItTwice):
        from_gateway(json.dumps(kept).encode())


def test_a_strangers_package_refuses_all_of_them() -> None:
    kept = json.loads(ANSWER)
    kept["ETH"].append(package("ETH", 1.0, AT_MS, STRANGER, SERVICE))
    with pytest.raises(redstone.SignerIsNotAuthorized, match=STRANGER.address):
        from_gateway(json.dumps(kept).encode())


def test_a_known_signer_that_is_not_authorized_counts_for_nothing() -> None:
    kept = json.loads(ANSWER)
    kept["ETH"].append(package("ETH", 1.0, AT_MS, STRANGER, SERVICE))
    trust = nodes(others=(STRANGER.address,))
    assert from_gateway(json.dumps(kept).encode(), trust) == from_gateway(ANSWER)


def test_packages_of_different_times_are_refused() -> None:
    kept = json.loads(answer({"ETH": list(VALUES[:2])}))
    kept["ETH"].append(package("ETH", 3_000.0, AT_MS + 10_000, SIGNERS[2], SERVICE))
    with pytest.raises(redstone.SignersDisagreeOnTheTime):
        from_gateway(json.dumps(kept).encode())


def test_other_decimals_than_the_reference_datas_are_refused() -> None:
    """The same signed integer would be a tenth of the price."""
    kept: dict[str, Any] = json.loads(answer({"ETH": [3_000.0, 3_000.0, 3_000.0]}))
    for each in kept["ETH"]:
        each["dataPoints"][0] |= {"value": 30_000.0, "decimals": 7}
    with pytest.raises(redstone.PackageIsMalformed, match="8 decimals of ETH expected, found 7"):
        from_gateway(json.dumps(kept).encode())


def test_the_same_signature_in_its_other_form_is_refused() -> None:
    (first, *rest) = redstone_payload.packages(signed_payload(*VALUES))
    s = ORDER - int.from_bytes(first.signature[32:64], "big")
    twin = first.signature[:32] + s.to_bytes(32, "big") + bytes((55 - first.signature[64],))
    other = redstone.Package(points=first.points, milliseconds=first.milliseconds, signature=twin)
    with pytest.raises(redstone.SignatureIsNotCanonical, match="high s"):
        redstone.verified((other, *rest), nodes(), FEEDS, AT)


def test_a_signer_set_that_has_expired_is_not_in_force() -> None:
    (known,) = nodes().sets
    trust = nodes(sets=(type(known)(index=0, signers=ADDRESSES, quorum=3, expires_at=AT),))
    assert from_payload(BLOB, trust, AT - timedelta(seconds=1))
    with pytest.raises(redstone.SignersAreTooFew, match="in force"):
        from_payload(BLOB, trust)


@NEEDS_DATA
def test_a_recorded_answer_of_the_gateway_verifies_whole() -> None:
    text = GATEWAY.read_bytes()
    feeds = dict.fromkeys(json.loads(text), 8)
    found = redstone.verified(redstone_gateway.packages(text, feeds), nodes(PRODUCTION), feeds, AT)
    assert found.keys() == feeds.keys()
    assert {one.proof.signed for one in found.values()} == {5}
    assert found["ETH"].value == Decimal("3486.95203485")


@NEEDS_DATA
@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_recorded_payloads_verify_and_those_of_other_keys_are_refused(path: Path) -> None:
    blob, trust = path.read_bytes(), nodes(PRODUCTION)
    if path.name.startswith("20251019"):
        with pytest.raises(redstone.SignerIsNotAuthorized):
            from_payload(blob, trust)
        return
    assert from_payload(blob, trust)["ETH"][2] == datetime.strptime(path.name[:16], "%Y%m%dT%H%M%SZ").replace(
        tzinfo=UTC
    )


@NEEDS_DATA
@given(data=st.data())
def test_no_other_byte_of_what_was_recorded_yields_another_price(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([path for path in PAYLOADS if not path.name.startswith("20251019")]))
    blob, trust = bytearray(path.read_bytes()), nodes(PRODUCTION)
    expected = from_payload(bytes(blob), trust)
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = from_payload(bytes(blob), trust)
    except OracleRefused:
        return
    assert found == expected
