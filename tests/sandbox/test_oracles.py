"""The sandbox's oracles: what Hermes and the gateway answer is verified by our own verifiers, and drills are felt."""

import asyncio
import base64
import json
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from hedgeapp.core.reference import Oracle
from marketdata.core.oracles import pyth, redstone, redstone_gateway
from marketdata.core.oracles.signatures import OracleRefused
from sandbox.app import describe
from sandbox.oracles import FEEDS, Oracles, control_routes, open_oracles
from sandbox.oracles import describe as described
from sandbox.pyth import hermes
from sandbox.redstone import gateway

START_MS: Final = 1_772_366_400_000
PRICES: Final = {"ETH": 3_000.123456789, "BTC": 96_000.0, "stETH": 2_998.5}


class World:
    """Oracles at a time that the test moves."""

    def __init__(self, folder: Path) -> None:
        self.now_ms = START_MS
        self.state: Oracles = open_oracles(folder, lambda: PRICES, lambda: self.now_ms)
        rows = described("http://sandbox", self.state)["oracles"]
        self.pyth, self.redstone = (msgspec.convert(row, Oracle) for row in rows)

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.now_ms / 1_000, UTC)

    def from_pyth(self, told: dict[str, Any]) -> dict[str, Any]:
        """Verify an answer of Hermes; return value by asset."""
        found = pyth.verified(bytes.fromhex(told["binary"]["data"][0]), self.pyth.trust, self.at)
        return {each.asset: found[each.feed] for each in self.pyth.feeds if each.feed in found}

    def from_gateway(self, text: bytes) -> dict[str, Any]:
        """Verify an answer of the gateway; return prices by asset."""
        feeds = {each.feed: each.decimals for each in self.redstone.feeds}
        return redstone.verified(redstone_gateway.packages(text, feeds), self.redstone.trust, feeds, self.at)


@asynccontextmanager
async def served(state: Oracles) -> AsyncIterator[tuple[ClientSession, str]]:
    application = web.Application()
    application.add_routes([*hermes.routes(state), *gateway.routes(state), *control_routes(state)])
    async with TestServer(application) as server, ClientSession() as client:
        yield client, str(server.make_url("")).rstrip("/")


IDS: Final = "&".join(f"ids[]={feed}" for feed in FEEDS.values())
LATEST: Final = f"/pyth/v2/updates/price/latest?{IDS}"
STREAM: Final = f"/pyth/v2/updates/price/stream?{IDS}"
PACKAGES: Final = "/redstone/v2/data-packages/latest-by-data-feeds/redstone-primary-prod?dataFeedIds=ETH,USDT"


def bearer(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.state.api_keys['pyth']}"}


def api_key(world: World) -> dict[str, str]:
    return {"x-api-key": world.state.api_keys["redstone"]}


def test_what_hermes_answers_verifies_under_the_described_trust(tmp_path: Path) -> None:
    world = World(tmp_path)
    found = world.from_pyth(hermes.answer(world.state, list(FEEDS.values())))
    assert found.keys() == FEEDS.keys()
    assert float(found["ETH"].value) == pytest.approx(PRICES["ETH"])
    assert found["USDT"].proof.words == "router set 1: 3 of 5 signed"
    assert found["ETH"].published_at == world.at


def test_what_is_parsed_is_what_is_signed(tmp_path: Path) -> None:
    world = World(tmp_path)
    told = hermes.answer(world.state, list(FEEDS.values()), "base64")
    found = pyth.verified(base64.b64decode(told["binary"]["data"][0]), world.pyth.trust, world.at)
    for each in told["parsed"]:
        assert int(each["price"]["price"]) == found[each["id"]].value.scaleb(8)


async def test_both_doors_ask_for_their_key(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with served(world.state) as (client, url):
        for path in (LATEST, STREAM, "/pyth/v2/price_feeds", PACKAGES):
            async with client.get(url + path) as answer:
                assert answer.status == 401


async def test_an_unknown_feed_is_not_found(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with (
        served(world.state) as (client, url),
        client.get(url + "/pyth/v2/updates/price/latest?ids[]=0x12", headers=bearer(world)) as answer,
    ):
        assert (answer.status, await answer.text()) == (404, "Price ids not found: 0x12")


async def test_the_stream_tells_an_update_each_second(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with served(world.state) as (client, url), client.get(url + STREAM, headers=bearer(world)) as answer:
        times = []
        for _ in range(2):
            line = await asyncio.wait_for(answer.content.readline(), 10)
            assert await answer.content.readline() == b"\n"
            told = json.loads(line.removeprefix(b"data:"))
            times.append(world.from_pyth(told)["ETH"].published_at)
            world.now_ms += 1_000
        assert (times[1] - times[0]).total_seconds() == 1


async def test_the_gateway_gives_what_five_nodes_have_signed(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with served(world.state) as (client, url), client.get(url + PACKAGES, headers=api_key(world)) as answer:
        found = world.from_gateway(await answer.read())
    assert found.keys() == {"ETH", "USDT"}
    assert found["ETH"].proof.signed == 5
    assert float(found["ETH"].value) == pytest.approx(PRICES["ETH"], rel=1e-4)
    assert float(found["USDT"].value) == pytest.approx(world.state.pegs["USDT"], rel=1e-4)


async def test_catalogue_of_feeds_is_searched_by_name(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with (
        served(world.state) as (client, url),
        client.get(url + "/pyth/v2/price_feeds?query=usdt", headers=bearer(world)) as answer,
    ):
        assert [each["id"] for each in await answer.json()] == [FEEDS["USDT"]]


async def armed(client: ClientSession, url: str, **given: Any) -> int:
    async with client.post(url + "/control/oracles/fault", json=given) as answer:
        return answer.status


async def test_a_stale_oracle_says_the_same_time_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with served(world.state) as (client, url):
        assert await armed(client, url, oracle="pyth", fault="stale", duration_s=60) == 200
        world.now_ms += 30_000
        assert (
            world.from_pyth(hermes.answer(world.state, [FEEDS["ETH"]]))["ETH"].published_at.timestamp() * 1_000
            == START_MS
        )
        world.now_ms += 31_000
        assert world.from_pyth(hermes.answer(world.state, [FEEDS["ETH"]]))["ETH"].published_at == world.at


async def test_a_forged_signature_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with served(world.state) as (client, url):
        await armed(client, url, oracle="pyth", fault="wrong_signature")
        await armed(client, url, oracle="redstone", fault="wrong_signature")
        with pytest.raises(OracleRefused):
            world.from_pyth(hermes.answer(world.state, [FEEDS["ETH"]]))
        async with client.get(url + PACKAGES, headers=api_key(world)) as answer:
            text = await answer.read()
        with pytest.raises(OracleRefused):
            world.from_gateway(text)


async def test_an_outlier_is_well_signed_and_off(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with served(world.state) as (client, url):
        await armed(client, url, oracle="pyth", fault="outlier", percent="-10")
    found = world.from_pyth(hermes.answer(world.state, [FEEDS["ETH"]]))["ETH"]
    assert float(found.value) == pytest.approx(PRICES["ETH"] * 0.9)


@pytest.mark.parametrize("status", [429, 500])
async def test_a_busy_oracle_says_so_until_it_is_well_again(tmp_path: Path, status: int) -> None:
    world = World(tmp_path)
    async with served(world.state) as (client, url):
        for name, path, headers in (("pyth", LATEST, bearer(world)), ("redstone", PACKAGES, api_key(world))):
            await armed(client, url, oracle=name, fault="http", status=status)
            async with client.get(url + path, headers=headers) as answer:
                assert answer.status == status
            await armed(client, url, oracle=name, fault="none")
            async with client.get(url + path, headers=headers) as answer:
                assert answer.status == 200


async def test_a_drill_that_there_is_not_is_refused_in_a_sentence(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with served(world.state) as (client, url):
        assert await armed(client, url, oracle="chainlink", fault="stale") == 400
        assert await armed(client, url, oracle="pyth", fault="stale", duration_s="long") == 400
        async with client.post(url + "/control/oracles/peg", json={"asset": "USDT", "usd": "0.9"}) as answer:
            assert (await answer.json())["pegs"]["USDT"] == 0.9


def test_the_reference_file_has_both_oracles_and_their_keys(tmp_path: Path) -> None:
    describe(8_900, tmp_path, seed=1)
    first = (tmp_path / "reference.toml").read_text()
    rows = tomllib.loads(first)["oracles"]
    assert [row["name"] for row in rows] == ["pyth", "redstone"]
    assert {"pyth", "redstone"} <= json.loads((tmp_path / "credentials.json").read_text()).keys()
    describe(8_900, tmp_path, seed=1)
    assert (tmp_path / "reference.toml").read_text() == first
