"""A rotation of an oracle's signers: the old set's message gives the trust that follows, and nobody else's does."""

import json
from datetime import UTC, datetime
from io import StringIO

import msgspec
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from hedgeapp.core.reference import Asset, Oracle, OracleFeed, Trust
from marketdata.core.oracles import pyth
from marketdata.core.oracles.rotations import GOVERNANCE, MODULE, UPGRADE
from marketdata.operations.changes import change
from sandbox.pyth.updates import update, vaa
from sandbox.signers import Signer
from tests.builders.oracles import AT_MS, ETH, SIGNERS, STRANGER, priced, router

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("log_url")]

FRESH = [*SIGNERS[:3], Signer.named("fresh 3"), Signer.named("fresh 4")]


def message(signers: list[Signer] = SIGNERS, index: int = 2) -> str:
    payload = MODULE + bytes((UPGRADE,)) + b"\0\0" + index.to_bytes(4, "big") + bytes((len(FRESH),))
    payload += b"".join(bytes.fromhex(each.address[2:]) for each in FRESH)
    emitter = bytes.fromhex(GOVERNANCE.partition(":")[2])
    return vaa(payload, signers, (0, 1, 2), set_index=1, sequence=1, emitter=emitter, chain=1).hex()


@pytest.fixture
def oracle() -> Oracle:
    eth = Asset(symbol="ETH", name="Ether", decimals=18, underlying="ETH")
    row = Oracle(
        name="pyth",
        protocol="pyth",
        url="https://hermes.example",
        feeds=(OracleFeed(asset="ETH", feed=ETH),),
        trust=router(),
    )
    for each in (eth, row):
        change(each, by="test", reason="test", at=datetime.now(UTC))
    return row


def printed(*arguments: str) -> Trust:
    out = StringIO()
    call_command("oracle_rotation", *arguments, stdout=out)
    return msgspec.json.decode(out.getvalue(), type=Trust)


def test_the_trust_that_follows_has_the_new_set_and_ends_the_old_one(oracle: Oracle) -> None:
    trust = printed("pyth", message())
    old, new = trust.sets
    assert (old.index, new.index, new.quorum) == (1, 2, 3)
    assert old.expires_at is not None
    assert new.expires_at is None
    assert new.signers == tuple(each.address for each in FRESH)
    blob = update([priced()], FRESH, set_index=2, now_ms=AT_MS, places=(2, 3, 4))
    assert pyth.verified(blob, trust, datetime.now(UTC))[ETH].proof.set_index == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("pyth", message([STRANGER, *SIGNERS[1:]])), "expected as signer"),
        (("pyth", message(index=3)), "set 2 signed by set 1 expected"),
        (("pyth", "zz"), "hexadecimal"),
        (("redstone", message()), "an oracle of the reference data expected"),
    ],
)
def test_what_is_no_rotation_of_this_oracle_is_refused(oracle: Oracle, given: tuple[str, str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        printed(*given)


def test_an_update_of_prices_is_no_rotation(oracle: Oracle) -> None:
    blob = vaa(b"AUWV" + bytes(33), SIGNERS, (0, 1, 2), set_index=1, sequence=1)
    with pytest.raises(CommandError, match="the emitter 1:0"):
        printed("pyth", blob.hex())


def test_what_is_printed_is_what_the_admin_takes(oracle: Oracle) -> None:
    out = StringIO()
    call_command("oracle_rotation", "pyth", message(), stdout=out)
    assert json.loads(out.getvalue())["publisher"] == oracle.trust.publisher
