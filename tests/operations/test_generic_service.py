"""Any exchange through ccxt as a host runs it: a row of configuration, and its marks with what nobody can prove."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async

from hedgeapp.core.reference import Account, Venue
from marketdata import feeds
from marketdata.core.wellformed import UnknownProtocol
from marketdata.feeds.generic.client import exchange_of
from marketdata.feeds.generic.market import UNPROVEN
from marketdata.feeds.public.capture import CaptureFailed, capture
from marketdata.feeds.public.specifications import public_protocol
from marketdata.models import Venue as VenueRow
from marketdata.operations.changes import change
from marketdata.queries.catalogue import reference
from tests.builders.gate import served_gate
from tests.operations.test_binance_feed import serving

ACCOUNT = Account(
    name="gate:watched",
    venue="gate",
    label="Watched",
    instruments=("BTC-USD-PERP", "ETH-USDT-PERP"),
    is_enabled=False,
)
KINDS = ("mark", "index", "bid", "ask", "funding_rate", "funding_at")
GATE = Venue(name="gate", protocol="ccxt-gate", rest_url="https://api.gateio.ws", ws_url="wss://fx-ws.gateio.ws")


@pytest.mark.usefixtures("log_url")
async def test_a_row_of_configuration_is_followed_and_says_what_is_not_proven() -> None:
    async with served_gate() as (gate, venue), serving(venue, ACCOUNT) as feed:
        expected = {(f"gate:{symbol}", kind) for symbol in ACCOUNT.instruments for kind in KINDS}
        await feed.until(lambda _, marks: {(one.subject, one.kind) for one in marks} == expected)
        await feed.until(lambda health, _: health and health.is_connected and not health.error)
        await feed.until(lambda health, _: health and health.unproven == UNPROVEN)
        assert [one.name for one in await sync_to_async(feeds.services)()] == ["feed:gate"]
        found = (await sync_to_async(reference)()).instruments
        assert found["gate:BTC-USD-PERP"].contract_size == 1
        assert found["gate:ETH-USDT-PERP"].contract_size == Decimal("0.01")
        listed = gate.asked.count("/api.gateio.ws/api/v4/futures/usdt/contracts")
        await gate.hang_up("usdt")
        await feed.until(lambda health, _: health and health.counters["reconnects"] == 1 and health.is_connected)
        assert gate.asked.count("/api.gateio.ws/api/v4/futures/usdt/contracts") == listed


@pytest.mark.usefixtures("log_url")
async def test_an_exchange_that_does_not_say_what_it_trades_is_said_in_a_sentence() -> None:
    async with served_gate() as (gate, venue):
        gate.is_deaf = True
        async with serving(venue, ACCOUNT) as feed:
            await feed.until(
                lambda health, _: health and "expected an answer or a message through ccxt" in health.error
            )


@pytest.mark.usefixtures("log_url")
def test_only_exchanges_that_have_what_is_needed_can_be_chosen() -> None:
    with pytest.raises(UnknownProtocol, match="found 'ccxt-bitvavo'"):
        change(replace(GATE, protocol="ccxt-bitvavo"), by="test", reason="test", at=datetime.now(UTC))
    offered = {value for value, _ in VenueRow._meta.get_field("protocol").choices or ()}
    assert "ccxt-gate" in offered
    assert "ccxt-bitvavo" not in offered
    assert set(feeds.PUBLIC) == offered


def test_an_exchanges_own_hosts_are_left_to_ccxt_and_any_other_is_a_mirror_of_them() -> None:
    urls = exchange_of(GATE).urls["api"]
    assert urls["public"]["futures"] == "https://api.gateio.ws/api/v4"
    assert urls["swap"]["btc"] == "wss://fx-ws.gateio.ws/v4/ws/btc"
    mirrored = exchange_of(replace(GATE, rest_url="https://mirror.example/a", ws_url="wss://mirror.example")).urls[
        "api"
    ]
    assert mirrored["public"]["futures"] == "https://mirror.example/a/api.gateio.ws/api/v4"
    assert mirrored["swap"]["btc"] == "wss://mirror.example/fx-ws.gateio.ws/v4/ws/btc"


@pytest.mark.usefixtures("log_url")
async def test_its_frames_cannot_be_captured_and_that_is_said(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with served_gate() as (_, venue), serving(venue, ACCOUNT) as feed:
        await feed.until(lambda health, _: health and health.is_connected)
        instrument = (await sync_to_async(reference)()).instruments["gate:BTC-USD-PERP"]
        path = tmp_path_factory.mktemp("capture") / "gate.gz"
        with pytest.raises(CaptureFailed, match="a feed that reads its own sockets expected, found gate"):
            await capture(venue, instrument, public_protocol(venue), path, 1.0)
        assert not path.exists()
