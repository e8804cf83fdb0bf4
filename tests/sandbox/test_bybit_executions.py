"""Bybit's executions in the sandbox: the stream and the list tell alike in what order those of one match came."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hedgeapp.core.events.trading import FillRecorded
from marketdata.feeds.ccxt.bybit.facts import BybitFacts
from sandbox.bybit.contracts import BYBIT
from sandbox.bybit.private import executions
from sandbox.matching.tickets import IOC, LIMIT, Ticket
from sandbox.opening import UNIFIED
from sandbox.reference import exchange_keys
from sandbox.world import Settings, World
from tests.builders.bybit import INVERSE

COLLATERAL = {"ETH": Decimal(11_660), "BTC": Decimal(150)}
STEPS = 400_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world with Bybit; nothing in it moves by itself."""
    living = World(Settings(folder=tmp_path, hand_every_s=0.0, bybit=True), exchange_keys(tmp_path), lambda: COLLATERAL)
    yield living
    living.ledger.close()


def test_executions_of_one_match_have_one_sequence_and_leave_less_each_by_stream_and_list(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    streamed: list[dict[str, Any]] = []

    def hear(venue: str, account: str, kind: str, text: str) -> None:
        streamed.extend(json.loads(text)["data"] if kind == "execution" else ())

    monkeypatch.setattr(world.accounts, "tell", hear)
    market = world.markets[BYBIT, "ETHUSD"]
    ticks = round(market.mark_ticks * 1.02)
    order = world.engine.place(
        Ticket(account=UNIFIED, symbol="ETHUSD", side="BUY", kind=LIMIT, time_in_force=IOC, ticks=ticks, steps=STEPS)
    )
    assert world.bybit is not None
    told = executions(world.bybit, UNIFIED, {"category": "inverse", "symbol": "ETHUSD", "execType": "Trade"})["list"]
    facts = BybitFacts(UNIFIED, [INVERSE], ["ETH"])
    ours = {row["execId"] for row in streamed}
    by_stream, by_list = (
        sorted(filter(None, map(facts.fill_of_row, rows)), key=place)
        for rows in (streamed, [row for row in told if row["execId"] in ours])
    )
    assert by_stream == by_list
    assert [row["execId"] for row in streamed] == [execution_of(fill, streamed) for fill in by_stream]
    assert len({fill.sequence for fill in by_stream}) == 1
    parts, left = [fill.quantity for fill in by_stream], [fill.left for fill in by_stream]
    assert left == [order.quantity - sum(parts[: place + 1]) for place in range(len(parts))]
    assert len(parts) > 1


def place(fill: FillRecorded) -> tuple[int, Decimal]:
    """Return where a fill of one order stands."""
    assert fill.sequence is not None
    assert fill.left is not None
    return fill.sequence, -fill.left


def execution_of(fill: FillRecorded, rows: list[dict[str, Any]]) -> str:
    """Return the venue's id of a fill's execution."""
    (found,) = [row["execId"] for row in rows if Decimal(row["leavesQty"]) == fill.left]
    return str(found)
