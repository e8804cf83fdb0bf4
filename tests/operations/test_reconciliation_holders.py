"""Runs against a custodian and a chain over sockets: what our log has wrong of them is found and healed."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction

from hedgeapp.core.events import Event
from hedgeapp.core.events.breaks import RunEnded
from hedgeapp.core.events.collateral import CollateralStated
from hedgeapp.core.events.feeds import FeedStateChanged
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.reference import Asset, Custodian
from hedgeapp.eventlog.append import append
from hedgeapp.eventlog.models import LoggedEvent
from marketdata.core.catalogue import Row
from marketdata.operations.changes import change
from marketdata.operations.credentials import set_credential
from reconciliation.core.breaks import Break
from reconciliation.models import BreakRow, Run
from reconciliation.operations.breaks import heal_break
from reconciliation.operations.runs import prune_runs
from reconciliation.projections import break_of
from reconciliation.queries.due import EVERY, RESTS, due
from reconciliation.running import reconcile
from sandbox.sockets import now_ms
from tests.builders.books import common
from tests.builders.collateral import Clock, a_chain, a_custodian, described

D = Decimal
AT = datetime.now(UTC)
SUBJECT = "custodian:ceffu"
ASSETS = [
    Asset(symbol=symbol, name=symbol, decimals=18, underlying=underlying)
    for symbol, underlying in (("ETH", "ETH"), ("BTC", "BTC"), ("USDT", "USDT"), ("stETH", "ETH"), ("wstETH", "ETH"))
]

pytestmark = pytest.mark.usefixtures("log_url")


async def blocking(work: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Do blocking work beside the loop that serves the custodian."""

    def done() -> Any:
        try:
            return work(*given, **named)
        finally:
            connections.close_all()

    return await asyncio.to_thread(done)


def appended(*events: Event) -> None:
    with transaction.atomic(durable=True):
        connection.ensure_connection()
        append(connection.connection, events, at=AT)


def introduced(*rows: Row) -> None:
    for row in rows:
        change(row, by="test", reason="test", at=AT)


def holds(asset: str, total: str, wallet: str, minutes: int = 0) -> CollateralStated:
    at = AT + timedelta(minutes=minutes - 60)
    return CollateralStated(
        at=at, holder="ceffu", wallet=wallet, asset=asset, total=D(total), locked=D(0), reference=str(minutes + 1)
    )


def run(subject: str, minutes: int) -> str:
    return reconcile(subject, "schedule", lambda: AT + timedelta(minutes=minutes), looks_after_s=0)


def the_break() -> Break:
    return break_of(BreakRow.objects.get(to_seq=None))


async def test_what_our_log_has_wrong_of_a_custodian_is_found_and_healed_by_his_statement(tmp_path: Path) -> None:
    async with a_custodian(tmp_path, now_ms) as (state, url):
        wallet = str(state.wallet.wallet_id)
        keys = state.credentials()
        await blocking(introduced, *ASSETS, Custodian(name="ceffu", protocol="ceffu", url=url))
        await blocking(set_credential, "ceffu", api_key=keys["api_key"], secret=keys["secret"], by="test", at=AT)
        true = [holds("stETH", "5000", wallet), holds("BTC", "110", wallet), holds("USDT", "1500000", wallet)]
        marks = tuple(common("2500", at=AT).values())
        await blocking(appended, MarksTaken(at=AT, marks=marks), *true)
        assert await blocking(run, SUBJECT, 1) == "clean"

        await blocking(appended, holds("stETH", "5002", wallet, minutes=2))
        assert await blocking(run, SUBJECT, 3) == "differing"
        assert await blocking(run, SUBJECT, 4) == "differing"
        found = await blocking(the_break)
        assert (found.state, found.difference.item, found.difference.amount) == ("found", f"{wallet}:stETH", D(-2))
        assert found.difference.usd == D(5000)
        at = AT + timedelta(minutes=5)
        asked = await blocking(heal_break, found.break_id, by="ann", reason="he is right", at=at)
        assert asked.needs_two.startswith("it cuts the delta of ETH")
        await blocking(heal_break, found.break_id, by="bob", reason="he is", at=at)
        assert await blocking(run, SUBJECT, 6) == "clean"
        assert (await blocking(the_break)).state == "verified"


async def test_a_chain_that_is_away_fails_the_run_in_its_own_words(tmp_path: Path) -> None:
    async with a_chain(tmp_path, Clock()) as (state, url):
        chain = described(state, url, wallets=())
        await blocking(introduced, *ASSETS, chain)
        assert await blocking(run, f"chain:{chain.name}", 1) == "differing"  # the log has not heard its supply yet
    assert await blocking(run, f"chain:{chain.name}", 2) == "failed"
    last = await blocking(lambda: Run.objects.latest("begun_at"))
    assert "no answer from" in last.said


async def test_a_subject_without_keys_fails_its_run_and_says_which(tmp_path: Path) -> None:
    await blocking(introduced, *ASSETS, Custodian(name="ceffu", protocol="ceffu", url="http://127.0.0.1:9"))
    assert await blocking(run, SUBJECT, 1) == "failed"
    ended = await blocking(lambda: LoggedEvent.objects.filter(kind=RunEnded.__name__).latest("seq"))
    assert b"keys of ceffu to read with expected" in bytes(ended.body)


def test_a_subject_is_due_each_minute_and_when_its_feed_comes_back() -> None:
    introduced(*ASSETS, Custodian(name="ceffu", protocol="ceffu", url="http://127.0.0.1:9"))
    assert dict(due(AT)) == {"engine": "schedule", SUBJECT: "schedule"}
    for subject in ("engine", SUBJECT):
        reconcile(subject, "schedule", lambda: AT, looks_after_s=0)
    soon = AT + RESTS
    assert dict(due(soon)) == {}
    back = FeedStateChanged(at=AT + RESTS / 2, feed=SUBJECT, state="live", reason="")
    appended(back)
    assert dict(due(AT + RESTS / 2)) == {}
    assert dict(due(soon)) == {SUBJECT: "reconnect"}
    assert dict(due(AT + EVERY)) == {"engine": "schedule", SUBJECT: "schedule"}


def test_a_person_may_compare_now_from_a_terminal() -> None:
    introduced(*ASSETS, Custodian(name="ceffu", protocol="ceffu", url="http://127.0.0.1:9"))
    said = StringIO()
    call_command("reconcile", SUBJECT, stdout=said)
    assert said.getvalue() == f"{SUBJECT}: failed\n"
    assert Run.objects.get().trigger == "person"
    with pytest.raises(CommandError, match="one of engine, custodian:ceffu expected"):
        call_command("reconcile", "custodian:nobody")


def test_rows_of_old_runs_are_let_go_and_the_log_keeps_them() -> None:
    introduced(*ASSETS, Custodian(name="ceffu", protocol="ceffu", url="http://127.0.0.1:9"))
    reconcile(SUBJECT, "person", lambda: AT, looks_after_s=0)
    assert prune_runs(AT + timedelta(days=29)) == 0
    assert prune_runs(AT + timedelta(days=31)) == 1
    assert LoggedEvent.objects.filter(kind=RunEnded.__name__).count() == 1
