"""Reserve ledger: why each wallet of the reserve fund holds what it holds.  facts -> LedgerEntry

Transfers and gas are facts with a block; what the chain states of a wallet closes the blocks up to its own. What the
facts until a statement do not come to is an entry of its own, so that the balance after it is the chain's to the digit.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.collateral import CollateralStated, GasPaid, ReserveMoved
from hedgeapp.core.records import record
from portfolio.core.catalogue import Catalogue

What = Literal["opening", "transfer", "gas", "unexplained"]
Fact = CollateralStated | GasPaid | ReserveMoved
Line = tuple[str, str, str]  # chain, wallet in lower case, asset


@record
class LedgerEntry:
    """What came to a wallet of the reserve fund (`units` above 0) or left it, and what it held after that.

    `opening` is what it held before the first fact, `unexplained` what the chain states and no fact tells of. `other`
    is the address of the other side, `transaction` empty where there is none. `is_stated` is whether the chain has
    stated the wallet since.
    """

    at: datetime
    chain: str
    block: int
    wallet: str
    asset: str
    what: What
    units: Decimal
    balance: Decimal
    other: str
    transaction: str
    is_stated: bool


@record
class ReserveLedger:
    """The ledger's entries, the latest last, and what the addresses in it are called."""

    entries: tuple[LedgerEntry, ...]
    names: dict[tuple[str, str], str]  # by chain and address in lower case
    custodians: dict[str, str]  # by transaction


def ledger(facts: Iterable[Fact], catalogue: Catalogue) -> tuple[LedgerEntry, ...]:
    """Return the entries of every wallet that is or was the reserve's, by block, the latest last."""
    moves: dict[Line, list[LedgerEntry]] = {}
    stated: dict[Line, dict[int, CollateralStated]] = {}
    for fact in facts:
        if isinstance(fact, CollateralStated):
            line = (fact.holder, fact.wallet.lower(), fact.asset)
            if catalogue.is_reserve(fact.holder, fact.wallet):
                stated.setdefault(line, {})[int(fact.reference)] = fact
            continue
        for wallet, units, other in _sides(fact):
            if catalogue.is_reserve(fact.chain, wallet):
                line = (fact.chain, wallet.lower(), fact.asset)
                moves.setdefault(line, []).append(_entry(fact, wallet, units, other))
    found = [
        entry
        for line in sorted({*moves, *stated})
        for entry in _balanced(moves.get(line, []), [one for _, one in sorted(stated.get(line, {}).items())])
    ]
    return tuple(sorted(found, key=lambda one: (one.at, one.block)))


def _sides(fact: GasPaid | ReserveMoved) -> Iterator[tuple[str, Decimal, str]]:
    """Yield each wallet that a fact changes, by how much, and who is on the other side."""
    if isinstance(fact, GasPaid):
        yield fact.wallet, -fact.amount, ""
        return
    yield fact.sender, -fact.amount, fact.receiver
    yield fact.receiver, fact.amount, fact.sender


def _entry(fact: GasPaid | ReserveMoved, wallet: str, units: Decimal, other: str) -> LedgerEntry:
    return LedgerEntry(
        at=fact.at,
        chain=fact.chain,
        block=fact.block,
        wallet=wallet,
        asset=fact.asset,
        what="gas" if isinstance(fact, GasPaid) else "transfer",
        units=units,
        balance=ZERO,
        other=other,
        transaction=fact.transaction,
        is_stated=False,
    )


def _balanced(moves: list[LedgerEntry], stated: list[CollateralStated]) -> Iterator[LedgerEntry]:
    """Yield a wallet's entries in one asset with their running balance, closed by each statement."""
    moves = sorted(moves, key=lambda one: one.block)
    balance, is_first = ZERO, True
    for word in stated:
        until = int(word.reference)
        came = [one for one in moves if one.block <= until]
        moves = moves[len(came) :]
        rest = word.total - balance - sum((one.units for one in came), ZERO)
        if is_first and rest:
            balance += rest
            yield _rest(word, "opening", rest, balance, came[0] if came else None)
        for one in came:
            balance += one.units
            yield replace(one, balance=balance, is_stated=True)
        if not is_first and rest:
            balance += rest
            yield _rest(word, "unexplained", rest, balance)
        is_first = False
    for one in moves:
        balance += one.units
        yield replace(one, balance=balance)


def _rest(
    word: CollateralStated, what: What, units: Decimal, balance: Decimal, before: LedgerEntry | None = None
) -> LedgerEntry:
    return LedgerEntry(
        at=before.at if before else word.at,
        chain=word.holder,
        block=before.block if before else int(word.reference),
        wallet=word.wallet,
        asset=word.asset,
        what=what,
        units=units,
        balance=balance,
        other="",
        transaction="",
        is_stated=True,
    )
