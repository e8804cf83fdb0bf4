"""Move calls: who could approve a move that waits, has an address, and was not told of it yet."""

from datetime import datetime

from django.contrib.auth.models import User

from hedgeapp.core.records import record
from hedgeapp.eventlog.models import LoggedEvent
from portfolio.operations.moves.calls import called
from portfolio.queries.books import FOLLOWING
from portfolio.queries.moves import waiting_moves


@record
class MoveCall:
    """Word of a move for one person; `missing` are those who must agree yet."""

    move_id: str
    person: str
    address: str
    sentence: str
    missing: str
    expires_at: datetime


def due_calls(channel: str, at: datetime) -> list[MoveCall]:
    """Return the word that must go out by a channel, of the move that expires first at the top."""
    with FOLLOWING.held() as book:
        if all(one.state != "awaiting_approval" for one in book.moves):
            return []  # which is asked every few seconds
    addresses = dict(User.objects.filter(is_active=True).exclude(email="").values_list("username", "email"))
    wanted = [
        MoveCall(
            move_id=one.move.move_id,
            person=person,
            address=addresses[person],
            sentence=one.sentence,
            missing=one.missing,
            expires_at=one.move.payload.expires_at,
        )
        for one in waiting_moves(at)
        for person in one.reach.could
        if person in addresses
    ]
    keys = {called(one.person, one.move_id, channel, at).key: one for one in wanted}
    known = set(LoggedEvent.objects.filter(key__in=[*keys]).values_list("key", flat=True))
    return [one for key, one in keys.items() if key not in known]
