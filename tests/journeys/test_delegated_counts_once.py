"""What the custodian mirrors counts once in the running stack, and what it tells comes in by both ways."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from hedgeapp.eventlog.read import read
from portfolio.core.backing import backing
from portfolio.core.book import Book
from portfolio.core.custodians import move_lock
from portfolio.core.exposure import exposure
from portfolio.core.holdings import balance_rows, collateral_rows
from portfolio.core.pnl import valued_positions
from portfolio.core.valuation import Marks, Valuation
from tests.sandbox.running import COIN, MAIN
from tests.sandbox.test_custody_running import Desk
from tests.stack import Stack, running_stack
from tests.world import World

SOON_S = 90.0
STILL = {
    "SANDBOX_VOLATILITY": "0",
    "SANDBOX_MINT_EVERY": "0",
    "SANDBOX_HAND_EVERY": "0",
    "SANDBOX_MIRROR_LATENCY": "0.2",
}
DELEGATED = {(MAIN, "USDT"): Decimal(250_000), (COIN, "BTC"): Decimal(20)}


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack in whose world nothing happens by itself."""
    with running_stack(tmp_path_factory.mktemp("stack"), **STILL) as running:
        yield running


class Custodian:
    """The custodian of a stack, for somebody who has its keys and is not us."""

    def __init__(self, world: World) -> None:
        self.url, self._keys = world.url, world.keys

    def credentials(self, name: str) -> dict[str, str]:
        return self._keys[name]


def folded(stack: Stack) -> Book:
    book = Book()
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as connection:
        for recorded in read(connection):
            book.apply(recorded)
    return book


def measured(book: Book, marks: Marks) -> tuple[Decimal | None, dict[str, Decimal | None]]:
    """Return the assets in USD and the net of each currency, at given marks."""
    assert book.recorded_at is not None
    valuation = Valuation(book, marks, book.recorded_at)
    rows = (valued_positions(valuation), balance_rows(valuation), collateral_rows(valuation))
    nets = {row.currency: row.net.value for row in exposure(book, marks, book.recorded_at)}
    return backing(*rows, valuation).assets_usd.value, nets


def until(stack: Stack, is_so: Callable[[Book], Any], what: str) -> Book:
    def look() -> Book | None:
        book = folded(stack)
        return book if is_so(book) else None

    return stack.until(look, SOON_S, what)


def is_stated(book: Book) -> bool:
    """Tell whether both sides were heard, and everything that is held can be valued."""
    stated = {(account, asset) for _, account, asset in book.mirrored}
    is_heard = book.balances.keys() >= DELEGATED.keys() and stated >= DELEGATED.keys() and bool(book.supply)
    return is_heard and measured(book, book.marks)[0] is not None


def test_delegating_changes_neither_assets_nor_net_exposure(still: Stack) -> None:
    world = World(still)
    before = until(still, is_stated, "balances and delegations")
    marks: Marks = before.marks
    then = measured(before, marks)
    assert then[0] is not None
    assert before.delegated.get((MAIN, "USDT"), Decimal(0)) == 0
    desk = Desk(Custodian(world))  # type: ignore[arg-type]
    for (account, coin), amount in DELEGATED.items():
        assert (
            desk.done(f"by hand {coin}".replace(" ", "-"), str(amount), coin=coin, account=account)["data"]["status"]
            == 30
        )

    def has_moved(book: Book) -> bool:
        return len(book.moves.alarms) >= len(DELEGATED) and all(
            book.delegated.get(place) == amount and book.balances[place].total >= before.balances[place].total + amount
            for place, amount in DELEGATED.items()
        )

    after = until(still, has_moved, "both sides to show what was delegated")
    assert measured(after, marks) == then
    assert {one.kind for one in after.moves.alarms} == {"delegate"}
    assert len(after.moves.alarms) == len(DELEGATED)


def test_a_webhook_and_the_list_agree(still: Stack) -> None:
    order_id = World(still).act("custody/deposit", coin="USDT", network="ETH", amount="1234.5")["order"]

    def verdict() -> str | None:
        with psycopg.connect(still.environment["DATABASE_URL"], autocommit=True) as connection:
            rows = connection.execute("SELECT order_id, verdict FROM marketdata_notice").fetchall()
        return next((verdict for name, verdict in rows if name == order_id and verdict != "waiting"), None)

    assert still.until(verdict, SOON_S, f"a verdict on the notice of {order_id}") == "agreed"


def test_a_frozen_custodian_is_known_to_whoever_wants_to_move(still: Stack) -> None:
    World(still).act("custody/freeze", frozen=True)
    book = until(still, lambda book: move_lock(book, "ceffu"), "the custodian's maintenance")
    assert book.custodians["ceffu"].state == "maintenance"
    assert not [one for one in book.moves.alarms if "webhook" in one.reference]
