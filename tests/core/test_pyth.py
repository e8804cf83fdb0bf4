"""Pyth: what the routers or guardians signed is a price, and nothing else is."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.reference import SignerSet
from marketdata.core.oracles import pyth, rotations
from marketdata.core.oracles.prices import (
    PriceIsFromTheFuture,
    PriceIsNotPositive,
    PriceIsTooOld,
    Window,
    require_timely,
)
from marketdata.core.oracles.signatures import OracleRefused
from marketdata.core.oracles.vaa import (
    EmitterIsNotTrusted,
    QuorumIsMissing,
    SignerIsNotInTheSet,
    SignersAreNotAscending,
    SignerSetHasExpired,
    SignerSetIsUnknown,
)
from sandbox.pyth.updates import update
from tests.builders.oracles import (
    ADDRESSES,
    AT,
    AT_MS,
    ETH,
    SHARED,
    SIGNERS,
    STRANGER,
    USDT,
    priced,
    recorded_trust,
    router,
    signed_update,
)

FOLDER: Final = SHARED / "pyth"
VALID: Final = sorted((FOLDER / "updates").glob("*.bin"))
INVALID: Final = sorted((FOLDER / "invalid").glob("*.bin"))
NEEDS_DATA: Final = pytest.mark.skipif(not VALID, reason="the recorded updates of ../shared/data/pyth are not here")
WINDOW: Final = Window(age_max=timedelta(seconds=60), ahead_max=timedelta(seconds=5))

Said = dict[str, tuple[Decimal, Decimal, datetime]]


def said(blob: bytes, trust: object = None, at: datetime = AT) -> Said:
    found = pyth.verified(blob, trust or router(), at)  # type: ignore[arg-type]
    return {feed: (one.value, one.conf, one.published_at) for feed, one in found.items()}


def test_a_signed_update_says_its_prices_with_conf_time_and_proof() -> None:
    found = pyth.verified(signed_update(), router(), AT)[ETH]
    assert (found.value, found.conf) == (Decimal("3000.12345678"), Decimal("0.9"))
    assert found.published_at == AT
    assert found.ema == found.value
    assert found.sequence == AT_MS // 50
    assert found.proof.words == "router set 1: 3 of 5 signed"
    assert pyth.verified(signed_update(), router(), AT)[USDT].value == Decimal("0.9999")


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_each_message_of_a_tree_of_any_size_is_proven(count: int) -> None:
    prices = [priced(f"{number:064x}", 100_000_000 + number) for number in range(count)]
    assert len(said(signed_update(*prices))) == count


UNSIGNED_OF_OURS: Final = {pyth.MINOR_AT}  # ours have no trailing header


@given(place=st.integers(0, len(signed_update()) - 1), flip=st.integers(1, 255))
def test_no_other_byte_yields_another_price(place: int, flip: int) -> None:
    blob = bytearray(signed_update())
    blob[place] ^= flip
    try:
        found = said(bytes(blob))
    except OracleRefused:
        return
    assert found == said(signed_update())
    assert place in UNSIGNED_OF_OURS


@given(blob=st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: signed_update()[:300] + tail))
def test_bytes_of_any_kind_are_a_price_or_refused_in_a_sentence(blob: bytes) -> None:
    with pytest.raises(OracleRefused, match="expected"):
        said(blob)


@pytest.mark.parametrize("end", [-1, -30, 10, 4])
def test_an_update_that_is_cut_is_refused(end: int) -> None:
    with pytest.raises(pyth.UpdateIsMalformed):
        said(signed_update()[:end])


def test_bytes_after_the_update_are_refused() -> None:
    with pytest.raises(pyth.UpdateIsMalformed, match="1 more"):
        said(signed_update() + b"\x00")


def test_fewer_signatures_than_the_quorum_are_refused() -> None:
    with pytest.raises(QuorumIsMissing, match="3 signatures of set 1 expected, found 2"):
        said(signed_update(places=(0, 1)))


@pytest.mark.parametrize("places", [(0, 1, 1), (2, 1, 0), (0, 0, 0)])
def test_signers_out_of_order_or_named_twice_are_refused(places: tuple[int, ...]) -> None:
    with pytest.raises(SignersAreNotAscending):
        said(signed_update(places=places))


def test_a_signature_by_a_stranger_is_refused_although_the_quorum_is_there() -> None:
    blob = update([priced()], [*SIGNERS[:3], STRANGER], set_index=1, now_ms=AT_MS, places=(0, 1, 2, 3))
    with pytest.raises(SignerIsNotInTheSet, match=STRANGER.address):
        said(blob)


def test_the_declared_set_is_the_one_that_must_have_signed() -> None:
    first = SignerSet(index=0, signers=(*ADDRESSES[:3], STRANGER.address), quorum=3, expires_at=AT + timedelta(hours=1))
    trust = router(sets=(first, *router().sets))
    blob = signed_update(set_index=0)  # all three are in both sets
    assert pyth.verified(blob, trust, AT)[ETH].proof.set_index == 0
    with pytest.raises(SignerSetHasExpired):
        pyth.verified(blob, trust, AT + timedelta(hours=1))
    with pytest.raises(SignerSetIsUnknown):
        said(blob)


def test_a_set_without_signers_is_not_trusted() -> None:
    blob = signed_update(places=())
    with pytest.raises(QuorumIsMissing):
        said(blob, router(sets=(SignerSet(index=1, signers=(), quorum=0),)))


def test_another_emitter_is_refused() -> None:
    blob = update([priced()], SIGNERS, set_index=1, now_ms=AT_MS, emitter=b"S" * 32)
    with pytest.raises(EmitterIsNotTrusted):
        said(blob)


def test_two_prices_of_one_feed_are_refused() -> None:
    with pytest.raises(pyth.FeedIsInTheUpdateTwice):
        said(signed_update(priced(price=1), priced(price=2)))


@pytest.mark.parametrize("price", [0, -5])
def test_a_price_of_nothing_is_refused_although_it_is_signed(price: int) -> None:
    with pytest.raises(PriceIsNotPositive):
        said(signed_update(priced(price=price)))


def test_a_price_is_used_within_its_window_only() -> None:
    found = pyth.verified(signed_update(), router(), AT)[ETH]
    assert require_timely(found, WINDOW, AT + timedelta(seconds=60)) == found
    with pytest.raises(PriceIsTooOld, match="61 s old"):
        require_timely(found, WINDOW, AT + timedelta(seconds=61))
    with pytest.raises(PriceIsFromTheFuture):
        require_timely(found, WINDOW, AT - timedelta(seconds=6))


def _time_of(path: Path) -> datetime:
    return datetime.strptime(path.name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


@NEEDS_DATA
@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_recorded_updates_verify_under_the_set_of_their_time(path: Path) -> None:
    kind = "router" if "router" in path.name else "guardian"
    found = pyth.verified(path.read_bytes(), recorded_trust(kind), _time_of(path))
    digits = path.name.split("_")[1]
    assert found
    assert {one.proof.set_index for one in found.values()} == {int(digits.removeprefix("gs").removeprefix("router"))}
    other = recorded_trust("guardian" if kind == "router" else "router")
    with pytest.raises(OracleRefused):
        pyth.verified(path.read_bytes(), other, _time_of(path))


@NEEDS_DATA
@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_recorded_forgeries_are_refused_at_any_time(path: Path) -> None:
    for at in (datetime(2021, 1, 1, tzinfo=UTC), datetime(2024, 3, 18, 1, tzinfo=UTC), AT):
        with pytest.raises(OracleRefused):
            pyth.verified(path.read_bytes(), recorded_trust("guardian"), at)


@NEEDS_DATA
def test_what_hermes_parsed_is_what_was_signed() -> None:
    kept = json.loads((FOLDER / "hermes_json" / "latest_price_updates_20240503.json").read_text())
    found = pyth.verified(
        bytes.fromhex(kept["binary"]["data"][0]), recorded_trust("guardian"), datetime(2024, 5, 3, 15, tzinfo=UTC)
    )
    for parsed in kept["parsed"]:
        price = parsed["price"]
        expected = [Decimal(price[name]).scaleb(price["expo"]) for name in ("price", "conf")]
        assert [found[parsed["id"]].value, found[parsed["id"]].conf] == expected


@NEEDS_DATA
@given(data=st.data())
def test_no_other_byte_of_a_recorded_update_yields_another_price(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(VALID))
    trust = recorded_trust("router" if "router" in path.name else "guardian")
    blob = bytearray(path.read_bytes())
    expected = said(bytes(blob), trust, _time_of(path))
    unsigned = {pyth.MINOR_AT, *range(pyth.TRAILING_AT + 1, pyth.TRAILING_AT + 1 + blob[pyth.TRAILING_AT])}
    place = data.draw(st.integers(0, len(blob) - 1))
    blob[place] ^= data.draw(st.integers(1, 255))
    try:
        found = said(bytes(blob), trust, _time_of(path))
    except OracleRefused:
        return
    assert found == expected
    assert place in unsigned


@NEEDS_DATA
@pytest.mark.parametrize(("kind", "last"), [("guardian", 7), ("router", 1)])
def test_every_rotation_is_signed_by_the_set_before_it(kind: str, last: int) -> None:
    trust = recorded_trust(kind)
    assert [each.index for each in trust.sets] == list(range(last + 1))
    assert [each.expires_at is None for each in trust.sets] == [False] * last + [True]


@NEEDS_DATA
def test_a_rotation_is_not_taken_twice() -> None:
    kept = json.loads((FOLDER / "pyth_router_sets.json").read_text())
    with pytest.raises(rotations.RotationIsMalformed, match="set 2 signed by set 1"):
        rotations.rotated(
            bytes.fromhex(kept["upgrade_vaas"][0]["vaa"]),
            recorded_trust("router"),
            datetime(2026, 8, 29, tzinfo=UTC),
            quorum_above=(1, 2),
        )
