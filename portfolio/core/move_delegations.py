"""Move delegations: what of an account's balance is mirrored from a custodian.  moves x statements -> units

The venue's balance and the custodian's word never change in one moment, and a delegated balance must count once at
every one of them. So a move in flight is counted when the venue shows it: by `MoveSeenAtVenue`, or at once by a balance
that changes by exactly what is under way. The custodian's word replaces the sum only when nothing is under way and it
was given after the last move ended.
"""

from collections.abc import MutableMapping
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.balances import BalanceStated
from hedgeapp.core.events.moves import DelegationStated
from portfolio.core.move_states import Move, State
from portfolio.core.moves import Moves

Delegated = MutableMapping[tuple[str, str], Decimal]
Mirrored = MutableMapping[tuple[str, str, str], DelegationStated]

_CAME_TO_NOTHING: Final[frozenset[State]] = frozenset({"failed", "never_arrived"})


def follow(delegated: Delegated, moves: Moves, move_id: str) -> None:
    """Count a move that the venue shows; take one back that came to nothing after all."""
    move = moves.get(move_id)
    if move is None or not move.account:
        return
    is_there = move.seen_at is not None or (move.is_counted and move.state not in _CAME_TO_NOTHING)
    if is_there == move.is_counted:
        return
    twin = next((one for one in moves.in_flight() if _is_taken_for(one, move)), None) if is_there else None
    if twin is None:
        _count(delegated, moves, move, is_counted=is_there)
    else:
        moves.count(twin.move_id, is_counted=False)
        moves.count(move_id, is_counted=True)


def follow_balance(delegated: Delegated, moves: Moves, before: BalanceStated | None, now: BalanceStated) -> None:
    """Count the move in flight by whose amount, to the digit, the venue's balance has just changed."""
    in_flight = moves.in_flight()
    if not in_flight:
        return
    change = now.total - (before.total if before else ZERO)
    for move in in_flight:
        is_it = (move.account, move.payload.asset, move.change) == (now.account, now.asset, change)
        if is_it and not move.is_counted:
            _count(delegated, moves, move, is_counted=True)
            return


def follow_statement(delegated: Delegated, mirrored: Mirrored, moves: Moves, stated: DelegationStated) -> None:
    """Take the custodian's word on an account, unless a move of it is under way or ended later than that."""
    key = (stated.custodian, stated.account, stated.asset)
    if key in mirrored and mirrored[key].at > stated.at:
        return
    mirrored[key] = stated
    its = [one for one in moves if (one.account, one.payload.asset) == (stated.account, stated.asset)]
    if any(one.is_in_flight or _ended_after(one, stated) for one in its):
        return
    of_all = (one.total for one in mirrored.values() if (one.account, one.asset) == (stated.account, stated.asset))
    delegated[stated.account, stated.asset] = sum(of_all, ZERO)


def _count(delegated: Delegated, moves: Moves, move: Move, *, is_counted: bool) -> None:
    key = (move.account, move.payload.asset)
    delegated[key] = delegated.get(key, ZERO) + (move.change if is_counted else -move.change)
    moves.count(move.move_id, is_counted=is_counted)


def _is_taken_for(one: Move, seen: Move) -> bool:
    """Tell whether a balance was taken to show one move, and it was another of the same amount."""
    is_alike = (one.account, one.payload.asset, one.change) == (seen.account, seen.payload.asset, seen.change)
    return is_alike and one.is_counted and one.seen_at is None and one.move_id != seen.move_id


def _ended_after(move: Move, stated: DelegationStated) -> bool:
    went_out = move.submitted_at is not None or move.custodian_order_id
    return bool(went_out) and move.ended_at is not None and move.ended_at > stated.at
