"""Subjects: whose statement is read how, and which of our facts it is compared with."""

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from hedgeapp.core.differences import DifferenceKind, Stated
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
from reconciliation.core.holdings import Explained, unexplained
from reconciliation.core.memory import folded
from reconciliation.core.statements import Statement
from reconciliation.queries import log
from reconciliation.queries.explained import explained, held
from reconciliation.queries.watched import watched_fills
from reconciliation.statements import chain, custodian, engine, marks, venue

SubjectKind = Literal["account", "custodian", "chain", "marks", "engine"]
FLOWS_COMPARED: Final = timedelta(days=7)  # deposits, withdrawals and settlements of a custodian


class SubjectIsUnknown(LookupError):
    """A run was asked for of something that no statement is read of."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "the engine, or one like account:VENUE:LABEL, custodian:NAME, chain:NAME or marks:VENUE expected, found "
            f"{name!r}"
        )


@record
class Facts:
    """Our side of the kinds that the book does not keep; `lines` say by item how a holding comes about."""

    sides: Mapping[DifferenceKind, Side]
    lines: Mapping[str, Stated]


NOTHING: Final = Facts(sides={}, lines={})


@record
class Subject:
    """Somebody whose statement is compared; `name` is his own, `venue` is where he holds what is ours.

    `facts` gives our side of the kinds that the book does not keep, as of a time.
    """

    kind: SubjectKind
    name: str
    venue: str
    read: Callable[[], Coroutine[Any, Any, Statement]]
    facts: Callable[[Statement, datetime], Facts]


def subject_named(name: str, at: datetime) -> Subject:
    """Return a subject with what its statement is read with at a time. Raises SubjectIsUnknown, CredentialMissing."""
    kind, _, own = name.partition(":")
    match kind:
        case "account":
            return _account(name, own)
        case "custodian":
            setup = custodian_setup(own)
            since = max(log.introduced_at(own) or at, at - FLOWS_COMPARED)
            return _custodian(own, since, lambda: custodian.statement(name, setup, since))
        case "chain":
            row = chain_named(own)
            return _holder("chain", own, lambda: chain.statement(name, row))
        case "marks":
            return _marks(name, own)
        case "engine":
            return _engine(name)
    raise SubjectIsUnknown(name)


def _holder(kind: SubjectKind, own: str, read: Callable[[], Coroutine[Any, Any, Statement]]) -> Subject:
    return Subject(kind=kind, name=own, venue=own, read=read, facts=lambda *_: NOTHING)


def _custodian(own: str, since: datetime, read: Callable[[], Coroutine[Any, Any, Statement]]) -> Subject:
    def facts(statement: Statement, at: datetime) -> Facts:
        sides: dict[DifferenceKind, Side] = {}
        if "delegation" in statement.sides:
            sides["delegation"] = explained(own, statement).rows
        if "transfer" in statement.sides:
            sides["transfer"] = ours.flows(log.flows_since(own, since))
        if "holding" not in statement.sides:
            return Facts(sides=sides, lines={})
        found = held_of(own, statement, sides, at)
        return Facts(sides={**sides, "holding": found.rows}, lines=found.lines)

    return Subject(kind="custodian", name=own, venue=own, read=read, facts=facts)


def held_of(
    own: str, statement: Statement, sides: Mapping[DifferenceKind, Side], at: datetime, until: int | None = None
) -> Explained:
    """Return what explains a custodian's statement of holdings; `sides` are ours of what he mirrors and what came."""
    mirrored = unexplained(dict(statement.linked), sides.get("delegation", {}), statement.sides.get("delegation", {}))
    theirs = statement.sides.get("transfer")
    is_complete = theirs is not None and theirs == sides.get("transfer")
    return held(own, statement, mirrored, at=at, is_complete=is_complete, until=until)


def _marks(name: str, own: str) -> Subject:
    known = reference()
    instruments = {one.venue_symbol: one for one in known.instruments.values() if one.venue == own}

    async def read() -> Statement:
        return await marks.statement(name, known.venues[own], instruments)

    return Subject(kind="marks", name=own, venue=own, read=read, facts=lambda *_: NOTHING)


def _engine(name: str) -> Subject:
    frames: list[Frame] = []

    async def read() -> Statement:
        frames.append(await engine.last_frame())
        return engine.statement(name, frames[-1])

    def facts(*_: object) -> Facts:
        return Facts(sides={"memory": folded(restored_book(until=frames[-1].seq))}, lines={})

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

    def facts(statement: Statement, _: datetime) -> Facts:
        since = statement.at - INCOME_OVERLAP
        recorded = [fill for one, from_id in trades_from.items() for fill in log.fills_from(own, one, from_id)]
        return Facts(
            sides={
                "fill": ours.fills(recorded),
                "funding": ours.fundings(log.fundings_since(own, since)),
                "transfer": ours.transfers(log.transfers_since(own, since)),
                "mode": ours.modes(statement.sides.get("mode", {}), log.leverages_of(own)),
            },
            lines={},
        )

    return Subject(
        kind="account", name=own, venue=account.venue, read=lambda: venue.statement(name, setup), facts=facts
    )
