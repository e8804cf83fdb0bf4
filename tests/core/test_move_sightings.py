"""A move is seen on the other side by what that side says, and by nothing less."""

from collections.abc import Sequence
from datetime import timedelta

from hedgeapp.core.events import Event
from hedgeapp.core.events.moves import MoveSeenAtVenue
from portfolio.core.book import Book
from portfolio.core.move_sightings import GRACE, sighting
from tests.builders.books import balance, collateral, recorded, reference
from tests.builders.moves import ACCOUNT, NAME, mirrored, payload, reported, until_submitted
from tests.builders.orders import AT

LATER = AT + timedelta(seconds=1)
LATE = LATER + GRACE


def seen(*events: Event, kind: str = "delegate", at_s: float = 2) -> MoveSeenAtVenue | None:
    of = payload(kind=kind)
    told: Sequence[Event] = [*reference(), balance(ACCOUNT, "stETH", "5"), *until_submitted(of), *events]
    book = Book()
    for one in recorded(told):
        book.apply(one)
    move = book.moves.get(NAME)
    assert move is not None
    return sighting(move, book, AT + timedelta(seconds=at_s))


def test_a_confirmed_move_is_not_seen_by_the_custodians_word_alone() -> None:
    assert seen(reported("success", at=LATER), mirrored("100", LATER), at_s=60) is None


def test_a_balance_that_changed_by_exactly_the_amount_shows_it_at_once() -> None:
    found = seen(balance(ACCOUNT, "stETH", "105", LATER), reported("success", at=LATER))
    assert found is not None
    assert (found.where, found.reference) == (ACCOUNT, str(int(LATER.timestamp() * 1_000)))


def test_another_change_shows_it_only_with_both_sides_words_some_seconds_later() -> None:
    both = (reported("success", at=LATER), balance(ACCOUNT, "stETH", "104.5", LATER), mirrored("100", LATER))
    assert seen(*both) is None
    assert seen(*both, at_s=(LATE - AT).total_seconds()) is not None
    before = (balance(ACCOUNT, "stETH", "104.5", AT), mirrored("100", LATER), reported("success", at=LATER))
    assert seen(*before, at_s=60) is None


def test_a_transfer_is_seen_in_the_wallet_that_it_went_to() -> None:
    done = reported("success", at=LATER)
    assert seen(done, kind="transfer", at_s=60) is None
    assert seen(done, collateral("stETH", "1500", LATER), kind="transfer", at_s=60) is None  # of the wallet it left
