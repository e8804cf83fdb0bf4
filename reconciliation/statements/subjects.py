"""Subjects: whose statement is read how, and which of our facts it is compared with."""

from collections.abc import Callable, Coroutine
from typing import Any, Literal

from hedgeapp.core.differences import DifferenceKind
from hedgeapp.core.events.halts import EVERYWHERE
from hedgeapp.core.records import record
from marketdata.feeds.ccxt.reads import INCOME_OVERLAP
from marketdata.feeds.ceffu import setup_of as custodian_setup
from marketdata.feeds.chain import chain_named
from marketdata.queries.catalogue import reference
from marketdata.queries.credentials import keys_of
from portfolio.core.frames import Frame
from portfolio.operations.books import restored_book
from reconciliation.core import ours
from reconciliation.core.compare import Side
from reconciliation.core.memory import folded
from reconciliation.core.statements import Statement
from reconciliation.queries import log
from reconciliation.queries.explained import explained
from reconciliation.queries.watched import watched_fills
from reconciliation.statements import chain, custodian, engine, marks, venue

SubjectKind = Literal["account", "custodian", "chain", "marks", "engine"]
Facts = dict[DifferenceKind, Side]


class SubjectIsUnknown(LookupError):
    """A run was asked for of something that no statement is read of."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "the engine, or one like account:VENUE:LABEL, custodian:NAME, chain:NAME or marks:VENUE expected, found "
            f"{name!r}"
        )


@record
class Subject:
    """Somebody whose statement is compared; `name` is his own, `venue` is where he holds what is ours.

    `facts` gives our side of the kinds that the book does not keep.
    """

    kind: SubjectKind
    name: str
    venue: str
    read: Callable[[], Coroutine[Any, Any, Statement]]
    facts: Callable[[Statement], Facts]


def subject_named(name: str) -> Subject:
    """Return a subject with what its statement is read with now. Raises SubjectIsUnknown, CredentialMissing."""
    kind, _, own = name.partition(":")
    match kind:
        case "account":
            return _account(name, own)
        case "custodian":
            setup = custodian_setup(own)
            return _custodian(own, lambda: custodian.statement(name, setup))
        case "chain":
            row = chain_named(own)
            return _holder("chain", own, lambda: chain.statement(name, row))
        case "marks":
            return _marks(name, own)
        case "engine":
            return _engine(name)
    raise SubjectIsUnknown(name)


def _holder(kind: SubjectKind, own: str, read: Callable[[], Coroutine[Any, Any, Statement]]) -> Subject:
    return Subject(kind=kind, name=own, venue=own, read=read, facts=lambda _: {})


def _custodian(own: str, read: Callable[[], Coroutine[Any, Any, Statement]]) -> Subject:
    def facts(statement: Statement) -> Facts:
        return {"delegation": explained(own, statement).rows} if "delegation" in statement.sides else {}

    return Subject(kind="custodian", name=own, venue=own, read=read, facts=facts)


def _marks(name: str, own: str) -> Subject:
    known = reference()
    instruments = {one.venue_symbol: one for one in known.instruments.values() if one.venue == own}

    async def read() -> Statement:
        return await marks.statement(name, known.venues[own], instruments)

    return Subject(kind="marks", name=own, venue=own, read=read, facts=lambda _: {})


def _engine(name: str) -> Subject:
    frames: list[Frame] = []

    async def read() -> Statement:
        frames.append(await engine.last_frame())
        return engine.statement(name, frames[-1])

    def facts(_: Statement) -> Facts:
        return {"memory": folded(restored_book(until=frames[-1].seq))}

    # What the engine has wrong, it has wrong everywhere.
    return Subject(kind="engine", name=name, venue=EVERYWHERE, read=read, facts=facts)


def _account(name: str, own: str) -> Subject:
    known = reference()
    account = known.accounts[own]
    ids = [f"{account.venue}:{symbol}" for symbol in account.instruments]
    instruments = tuple(known.instruments[one] for one in ids if one in known.instruments)
    missed = watched_fills(name)
    trades_from = {
        one.id: min(from_id, missed.get(one.id, from_id))
        for one in instruments
        if (from_id := log.compared_from(own, one.id)) is not None
    }
    setup = venue.Setup(
        account=account,
        venue=known.venues[account.venue],
        keys=keys_of(own),
        instruments=instruments,
        assets=known.assets,
        trades_from=trades_from,
    )

    def facts(statement: Statement) -> Facts:
        since = statement.at - INCOME_OVERLAP
        recorded = [fill for one, from_id in trades_from.items() for fill in log.fills_from(own, one, from_id)]
        return {
            "fill": ours.fills(recorded),
            "funding": ours.fundings(log.fundings_since(own, since)),
            "transfer": ours.transfers(log.transfers_since(own, since)),
        }

    return Subject(
        kind="account", name=own, venue=account.venue, read=lambda: venue.statement(name, setup), facts=facts
    )
