"""Moves that wait for somebody: what the badge on every page counts."""

from datetime import datetime
from typing import Final

from django.contrib.auth.models import AnonymousUser, User

from portfolio.queries.books import FOLLOWING
from portfolio.queries.moves import waits_for

MAY_DECIDE: Final = "portfolio.decide_move"


def mine(user: User | AnonymousUser, at: datetime) -> frozenset[str]:
    """Return the ids of the moves to which somebody could add an approval now."""
    if not user.has_perm(MAY_DECIDE):
        return frozenset()
    with FOLLOWING.held() as book:
        if all(one.state != "awaiting_approval" for one in book.moves):
            return frozenset()  # which every page asks every few seconds
    return frozenset(one.move.move_id for one in waits_for(user.get_username(), at))


def waiting_count(user: User | AnonymousUser, at: datetime) -> int:
    """Return how many moves wait for somebody's word."""
    return len(mine(user, at))
