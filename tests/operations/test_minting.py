"""Mint and redeem on a real log: paused at once, resumed by the right people, and by the engine when it may."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest
import redis
from channels.layers import channel_layers
from django.conf import settings

from hedgeapp.core.events import Event
from hedgeapp.core.events.halts import HaltDeclared, HaltLifted, ResumeAsked
from hedgeapp.core.events.minting import MintingPaused, MintingResumeAsked, MintingResumed
from hedgeapp.eventlog import epochs
from hedgeapp.eventlog.append import AsyncLog, append
from hedgeapp.eventlog.read import read
from hedgeapp.services import Lease, Service
from marketdata.board import DEPTHS, Board
from portfolio.core.book import Book
from portfolio.core.frames import frame
from portfolio.core.minting_watch import PAUSE_AFTER, RESUME_AFTER
from portfolio.operations.minting import (
    PauseIsNotInForce,
    PauseMustStay,
    PauseReasonIsMalformed,
    pause_minting,
    resume_minting,
)
from portfolio.pricer import Pricer
from portfolio.queries.books import current_book
from portfolio.screen.price_stream import LATEST, latest
from tests.builders.books import AT, COINM, USDM, balance, common, health, limit, reference
from tests.builders.desk import HEARD
from tests.builders.desks import written
from tests.builders.prices import both, offers

SECOND = timedelta(seconds=1)
SOURCES = (
    f"account:{USDM}",
    f"account:{COINM}",
    "feed:binance-usdm",
    "feed:binance-coinm",
    "custodian:ceffu",
    "chain:ethereum",
)


@pytest.fixture
def desk(log_url: str) -> None:
    written(*reference(), *HEARD, *offers(), limit("taker_fee", "ETH", "5"), balance(USDM, "USDT", "1000"))


def halted() -> None:
    written(HaltDeclared(at=AT, halt_id="h-1", scope="*", by="ann", reason="drill"))
    written(
        MintingPaused(at=AT, pause_id="halt-1", cause="halt", by="engine", reason="HALT everywhere", resumed_by="two")
    )


def lifted() -> None:
    written(
        ResumeAsked(at=AT, halt_id="h-1", by="ann", reason="well"),
        HaltLifted(at=AT, halt_id="h-1", asked_by="ann", approved_by="bob"),
    )


@pytest.mark.usefixtures("desk")
def test_a_person_pauses_at_once_and_one_resumes() -> None:
    pause = pause_minting(by="ann", reason="the chain looks odd", at=AT)
    assert [one.pause_id for one in current_book().minting] == [pause.pause_id]
    assert pause_minting(by="bob", reason="I think so, too", at=AT + SECOND).pause_id == pause.pause_id
    done = resume_minting(pause.pause_id, by="bob", reason="it is well", at=AT)
    assert isinstance(done, MintingResumed)
    assert len(current_book().minting) == 0
    with pytest.raises(PauseIsNotInForce):
        resume_minting(pause.pause_id, by="bob", reason="once more", at=AT)


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\u0007b"])
def test_a_reason_is_asked_for(reason: str) -> None:
    with pytest.raises(PauseReasonIsMalformed):
        pause_minting(by="ann", reason=reason, at=AT)


@pytest.mark.usefixtures("desk")
def test_after_a_halt_two_people_resume_and_not_before_it_is_lifted() -> None:
    halted()
    with pytest.raises(PauseMustStay, match="no halt expected, found h-1 in force"):
        resume_minting("halt-1", by="ann", reason="well", at=AT)
    lifted()
    for _ in range(2):  # asking again changes nothing
        assert isinstance(resume_minting("halt-1", by="ann", reason="well", at=AT), MintingResumeAsked)
    assert len(current_book().minting) == 1
    done = resume_minting("halt-1", by="bob", reason="agreed", at=AT)
    assert isinstance(done, MintingResumed)
    assert (done.asked_by, done.by) == ("ann", "bob")
    assert len(current_book().minting) == 0
    assert len(list(current_book().faults)) == 0


@pytest.mark.usefixtures("desk")
def test_what_ends_by_itself_nobody_ends() -> None:
    written(
        MintingPaused(at=AT, pause_id="feed-1", cause="feed", by="engine", reason="feed:x is away", resumed_by="engine")
    )
    with pytest.raises(PauseMustStay, match="it ends by itself when its cause is gone"):
        resume_minting("feed-1", by="ann", reason="well", at=AT)


class Priced:
    """The engine's pricer on the real log and board, told the time."""

    def __init__(self, pricer: Pricer, owner: psycopg.Connection[Any]) -> None:
        self._pricer, self._owner = pricer, owner
        self.feeds: tuple[str, ...] = SOURCES
        self.book = Book()

    async def step(self, at: datetime) -> list[MintingPaused | MintingResumed]:
        """Price as of a time at which every feed that is there was just heard, and return all that was told."""
        self._fold()
        marks = {key: replace(mark, at=at, received_at=at) for key, mark in common("3000").items()}
        feeds = tuple(health(name, at) for name in self.feeds)
        shown = frame(self.book, marks, feeds, number=1, at=at)
        await self._pricer.step(self.book, marks, feeds, shown, at)
        self._fold()
        found = [one.event for one in read(self._owner, kinds={"MintingPaused", "MintingResumed"})]
        return [one for one in found if isinstance(one, MintingPaused | MintingResumed)]

    def write(self, event: Event) -> None:
        """Append beside the engine."""
        with self._owner.transaction():
            append(self._owner, [event], at=AT)

    def _fold(self) -> None:
        self.book.fold(read(self._owner, after=self.book.seq))


@pytest.fixture
async def priced(owner: psycopg.Connection[Any], log_url: str, desk: None) -> AsyncIterator[Priced]:
    channel_layers.backends.clear()
    async with await psycopg.AsyncConnection.connect(log_url, autocommit=True) as taken:
        epoch = await epochs.take(taken, "engine", "test")
    assert epoch is not None
    lease = Lease(Service(name="engine", runner="portfolio.engine.run"), epoch)
    board = Board.from_settings()
    await board.post_depth(both(at=AT).values())
    async with AsyncLog(log_url, fence=lease.fence) as events:
        yield Priced(Pricer(lease, board, events), owner)
    await board.close()
    lease.close()
    channel_layers.backends.clear()


@pytest.fixture(autouse=True)
def _empty_board() -> Iterator[None]:
    yield
    with redis.from_url(settings.REDIS_URL) as store:
        store.delete(DEPTHS, LATEST)


async def test_the_engine_prices_what_is_offered_and_keeps_it_for_whoever_asks(priced: Priced) -> None:
    assert await priced.step(AT) == []
    told = msgspec.json.decode(latest() or b"")
    assert (told["is_firm"], told["minting"]["state"]) == (False, "open")
    assert [one["asset"] for one in told["assets"]] == ["ETH", "USDT", "stETH"]
    price = told["assets"][0]["prices"][0]
    assert (price["direction"], price["size"], price["proof"], price["state"]) == ("mint", "1", "assumed", "assumed")
    assert sum(msgspec.convert(part["usd"], float, strict=False) for part in price["components"]) == pytest.approx(
        float(price["usd"])
    )


async def test_a_feed_that_falls_silent_pauses_and_goes_on_by_itself_long_after_it_is_back(priced: Priced) -> None:
    assert await priced.step(AT) == []
    priced.feeds = SOURCES[1:]
    assert await priced.step(AT + SECOND) == []
    at = AT + SECOND + PAUSE_AFTER["feed"]
    (pause,) = await priced.step(at)
    assert isinstance(pause, MintingPaused)
    assert (pause.cause, pause.by) == ("feed", "engine")
    assert SOURCES[0] in pause.reason
    assert len(await priced.step(at + SECOND)) == 1
    priced.feeds = SOURCES
    assert len(await priced.step(at + 2 * SECOND)) == 1
    told = await priced.step(at + 2 * SECOND + RESUME_AFTER)
    assert [type(one) for one in told] == [MintingPaused, MintingResumed]
    assert len(priced.book.minting) == 0


async def test_a_halt_pauses_in_the_next_step(priced: Priced) -> None:
    await priced.step(AT)
    halted_by_ann = HaltDeclared(at=AT, halt_id="h-1", scope="*", by="ann", reason="drill")
    priced.write(halted_by_ann)
    told = await priced.step(AT + SECOND)
    assert [(one.cause, one.resumed_by) for one in told if isinstance(one, MintingPaused)] == [("halt", "two")]
    assert msgspec.json.decode(latest() or b"")["minting"]["state"] == "paused"
