"""What the engine says of moves enters the log once, under its fence, and only if it knew everything."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from hedgeapp.core.events import Event
from hedgeapp.core.events.moves import MoveProposed, MoveWithdrawn
from hedgeapp.eventlog import epochs
from hedgeapp.eventlog.append import EpochIsOver, Fence
from hedgeapp.eventlog.models import LoggedEvent
from hedgeapp.services import Lease, Service
from portfolio.core.frames import frame
from portfolio.core.margin import margin_rows
from portfolio.core.move_automation import Automatic, automatic
from portfolio.core.pnl import valued_positions
from portfolio.core.valuation import Valuation
from portfolio.models import Work
from portfolio.mover import Mover
from portfolio.operations.moves.automatics import BookIsBehind, append_automatic
from portfolio.queries.books import current_book
from tests.builders.books import AT, common
from tests.builders.desks import written
from tests.builders.engine_moves import ALLOW, world

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)


async def taken(url: str) -> int:
    """Take the engine over and return the epoch."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        epoch = await epochs.take(connection, "engine", "test")
    assert epoch is not None
    return epoch


@pytest.fixture
async def lease(log_url: str) -> AsyncIterator[Lease]:
    found = Lease(Service(name="engine", runner="portfolio.engine.run"), await taken(log_url))
    yield found
    found.close()


@pytest.fixture
def allowed(log_url: str) -> tuple[int, tuple[Automatic, ...]]:
    """A desk whose engine wants a move that needs nobody's approval, and what it knows."""
    Work.objects.all().delete()
    written(*world(ALLOW))
    book = current_book()
    valuation = Valuation(book, common("4000"), AT)
    return book.seq, automatic(book, margin_rows(valued_positions(valuation), valuation), valuation)


def kinds() -> list[str]:
    found = LoggedEvent.objects.order_by("seq").values_list("kind", flat=True)
    return [kind for kind in found if kind.startswith("Move")]


def works() -> list[tuple[str, str]]:
    return [(one.kind, one.queue) for one in Work.objects.all()]


async def stepped(lease: Lease, price: str, seconds: int, mover: Mover | None = None) -> None:
    """Let the engine think at a price, as of an event that it has folded."""
    at = AT + seconds * SECOND
    book = await lease.in_database(current_book)
    marks = common(price, at=at)
    await (mover or Mover(lease)).step(book, marks, (), frame(book, marks, (), number=1, at=at), at)


async def test_it_proposes_once_and_withdraws_when_the_headroom_is_back(lease: Lease) -> None:
    await lease.in_database(written, *world())
    mover = Mover(lease)
    for second in range(3):
        await stepped(lease, "4000", second, mover)
    assert await lease.in_database(kinds) == ["MoveProposed", "MoveJudged"]
    await stepped(lease, "3300", 3, mover)
    assert await lease.in_database(kinds) == ["MoveProposed", "MoveJudged", "MoveWithdrawn"]
    assert not list((await lease.in_database(current_book)).faults)


async def test_it_says_nothing_before_its_own_word_is_in_the_book(lease: Lease) -> None:
    await lease.in_database(written, *world())
    mover, marks = Mover(lease), common("4000")
    book = await lease.in_database(current_book)
    shown = frame(book, marks, (), number=1, at=AT)
    await mover.step(book, marks, (), shown, AT)
    await mover.step(book, marks, (), shown, AT + SECOND)  # the book has not moved
    assert await lease.in_database(kinds) == ["MoveProposed", "MoveJudged"]


async def test_an_engine_that_was_replaced_says_nothing(lease: Lease, log_url: str) -> None:
    await lease.in_database(written, *world())
    await taken(log_url)
    with pytest.raises(EpochIsOver):
        await stepped(lease, "4000", 0)
    assert await lease.in_database(kinds) == []


async def test_two_engines_in_succession_propose_one_move(lease: Lease, log_url: str) -> None:
    await lease.in_database(written, *world())
    await stepped(lease, "4000", 0)
    later = Lease(Service(name="engine", runner="portfolio.engine.run"), await taken(log_url))
    await stepped(later, "4000", 1)
    later.close()
    assert await lease.in_database(kinds) == ["MoveProposed", "MoveJudged"]


async def test_what_the_policy_allows_has_its_work_in_the_same_transaction(
    lease: Lease, allowed: tuple[int, tuple[Automatic, ...]]
) -> None:
    known, events = allowed
    for _ in range(2):  # an answer that was lost: the same again changes nothing
        await lease.in_database(_appended, events, known, lease.fence)
        known = (await lease.in_database(current_book)).seq
    assert await lease.in_database(kinds) == ["MoveProposed", "MoveJudged", "MoveApproved"]
    assert await lease.in_database(works) == [("move", "moves")]


async def test_what_somebody_said_meanwhile_lets_it_think_again(
    lease: Lease, allowed: tuple[int, tuple[Automatic, ...]]
) -> None:
    known, events = allowed
    await lease.in_database(written, _other(events[0]))
    with pytest.raises(BookIsBehind):
        await lease.in_database(_appended, events, known, lease.fence)
    assert await lease.in_database(kinds) == ["MoveProposed"]
    assert await lease.in_database(works) == []


async def test_a_move_that_was_withdrawn_meanwhile_is_not_approved(
    lease: Lease, allowed: tuple[int, tuple[Automatic, ...]]
) -> None:
    known, events = allowed
    first = events[0]
    assert isinstance(first, MoveProposed)
    gone = MoveWithdrawn(at=AT, move_id=first.payload.move_id, by="gil", reason="no")
    await lease.in_database(written, first, gone)
    with pytest.raises(BookIsBehind):
        await lease.in_database(_appended, events, known, lease.fence)
    assert await lease.in_database(works) == []


def _appended(events: tuple[Automatic, ...], known: int, fence: Fence) -> int:
    return append_automatic(events, known_seq=known, at=AT, fence=fence)


def _other(first: Event) -> MoveProposed:
    assert isinstance(first, MoveProposed)
    return replace(first, by="ann", payload=replace(first.payload, move_id="mv-other"))
