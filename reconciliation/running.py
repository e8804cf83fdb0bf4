"""Running: one comparison of one subject, from the read of its statement to its conclusions; one at a time."""

import asyncio
import contextlib
import time
import zlib
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

import psycopg

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.differences import Compared, DifferenceKind, Evidence
from hedgeapp.core.events import Event
from hedgeapp.core.events.anchors import DelegationAnchored, HoldingAnchored, LeverageAnchored, RebaseTaken
from hedgeapp.core.events.breaks import BalanceAnchored, Trigger
from hedgeapp.core.records import record
from hedgeapp.database import conninfo
from hedgeapp.eventlog import codec
from hedgeapp.logs import redacted
from portfolio.core.book import Book
from portfolio.core.valuation import Valuation
from portfolio.queries.books import FOLLOWING
from reconciliation.core import delegations, holdings, ours, prices
from reconciliation.core.compare import Side
from reconciliation.core.findings import compared, findings, kinds_of, lasting, with_lines
from reconciliation.core.grades import Limits, limits
from reconciliation.core.in_flight import items_of, of_moves, of_orders
from reconciliation.core.runs import Finding, Run
from reconciliation.core.statements import Statement
from reconciliation.operations.runs import begin_run, conclude_run, fail_run
from reconciliation.queries.explained import explained
from reconciliation.queries.log import held_changed_at, leverages_of
from reconciliation.queries.watched import anchors_of, watched_ids
from reconciliation.statements.subjects import Subject, held_of, subject_named

LOCK_CLASS: Final = 0x72_65_63_6F  # advisory locks of runs, one for each subject
RUN_S_MAX: Final = 45.0  # reading a statement; less than the time between two runs
LOOKS_AFTER_S: Final = 2.0  # the second look comes so much later
UNFIT: Final[frozenset[DifferenceKind]] = frozenset({"position", "fill", "funding", "transfer"})
BY: Final = "reconciliation"
QUIET_FOR: Final = timedelta(seconds=60)  # so long nothing has come or gone before a holding is anchored

Outcome = Literal["clean", "differing", "failed", "busy"]


@record
class Look:
    """Both sides of a subject at one moment, and how they differ; `moving` are items that moves may change now."""

    statement: Statement
    sides: Mapping[DifferenceKind, Side]
    findings: tuple[Finding, ...]
    compared: tuple[Compared, ...]
    booked: Mapping[str, Any]
    moving: frozenset[str]
    log_seq: int
    bounds: Limits


def reconcile(
    name: str,
    trigger: Trigger,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    *,
    looks_after_s: float = LOOKS_AFTER_S,
) -> Outcome:
    """Compare a subject once and write what was found; blocking. A subject whose run is under way is left to it.

    Refuses with LogIsBusy; whatever else goes wrong while it reads is the run's own outcome.
    """
    with one_at_a_time(name) as is_mine:
        if not is_mine:
            return "busy"
        run_id = begin_run(name, trigger, clock())
        try:
            first = _look(name, clock())
            last, found = first, first.findings
            if found:
                time.sleep(looks_after_s)
                last = _look(name, clock())
                found = lasting(first.findings, last.findings, watched_ids(name))
        except Exception as error:
            fail_run(run_id, name, _said(error), clock())
            return "failed"
        return _conclude(run_id, name, last, found, clock())


def _conclude(run_id: str, name: str, look: Look, found: tuple[Finding, ...], at: datetime) -> Outcome:
    kinds = kinds_of(look.statement, look.sides)
    run = Run(run_id=run_id, subject=name, at=at, kinds=kinds, findings=found)
    conclude_run(
        run,
        compared=look.compared,
        anchors=[
            *_anchors(name, look, at),
            *_leverage_anchors(name, look, at),
            *_delegation_anchors(name, look, at),
            *_held(name, look, found, at),
        ],
        log_seq=look.log_seq,
        said="; ".join(f"{kind.replace('_', ' ')}: {said}" for kind, said in look.statement.unread.items()),
        bounds=look.bounds,
    )
    return "differing" if found else "clean" if kinds else "failed"


def _look(name: str, at: datetime) -> Look:
    """Read their statement, then our side of it: what came into the log meanwhile is in it."""
    subject = subject_named(name, at)
    statement = _read(subject.read())
    facts = subject.facts(statement, at)
    anchors = anchors_of(subject.name)
    with FOLLOWING.held() as book:
        valuation = Valuation(book, book.marks, at)
        sides = {**_sides(subject, book, statement, anchors, valuation), **facts.sides}
        moves = book.moves.in_flight()
        found = findings(
            statement,
            sides,
            venue=subject.venue,
            in_flight=[*of_orders(book.our_orders.under_way(), subject.name), *of_moves(moves, subject.name)],
            valuation=valuation,
            evidence=evidence,
        )
        return Look(
            statement=statement,
            sides=sides,
            findings=with_lines(found, facts.lines),
            compared=compared(statement, sides, found),
            booked=ours.booked(book, subject.name),
            moving=frozenset(item for one in moves for item in items_of(one)),
            log_seq=book.seq,
            bounds=limits(book.catalogue),
        )


def _sides(
    subject: Subject,
    book: Book,
    statement: Statement,
    anchors: Mapping[str, BalanceAnchored],
    valuation: Valuation,
) -> dict[DifferenceKind, Side]:
    if subject.kind == "marks":
        return {"mark": prices.ours(statement.sides.get("mark", {}), valuation)}
    if subject.kind == "account":
        instruments = book.catalogue.instruments
        listed = statement.sides.get("instrument", {})
        return {
            "position": ours.positions(book, subject.name),
            "balance": _anchored(ours.balances(book, subject.name, anchors), statement),
            "open_order": ours.open_orders(book, subject.name),
            "instrument": ours.specifications(instruments[one] for one in listed if one in instruments),
        }
    if subject.kind == "engine":
        return {}
    held: dict[DifferenceKind, Side] = {"collateral": ours.collateral(book, subject.name)}
    return {**held, "supply": ours.supply(book, subject.name)} if subject.kind == "chain" else held


def _anchored(rows: Mapping[str, Any], statement: Statement) -> Side:
    """Return our balances, with those that are not anchored yet as they say: they are anchored by this run."""
    theirs = statement.sides.get("balance", {})
    return {**{asset: row for asset, row in theirs.items() if asset not in rows}, **rows}


def _anchors(name: str, look: Look, at: datetime) -> list[BalanceAnchored]:
    """Return where balances are to be explained from: those not anchored yet, once all facts are here."""
    theirs = look.statement.sides.get("balance")
    is_fit = look.statement.sides.keys() >= UNFIT and not any(one.difference.kind in UNFIT for one in look.findings)
    if theirs is None or not is_fit:
        return []
    account = name.partition(":")[2]
    known = anchors_of(account)
    return [
        BalanceAnchored(at=at, account=account, asset=asset, total=total, booked=look.booked.get(asset, ZERO), by=BY)
        for asset, (total,) in sorted(theirs.items())
        if asset not in known
    ]


def _leverage_anchors(name: str, look: Look, at: datetime) -> list[LeverageAnchored]:
    """Return the leverages that are expected from now on: of contracts of which none was yet."""
    account, stated = name.partition(":")[2], look.statement.sides.get("mode", {})
    instruments = {item.removesuffix(ours.LEVERAGE): item for item in stated if item.endswith(ours.LEVERAGE)}
    fresh = sorted(instruments.keys() - leverages_of(account).keys()) if instruments else []
    return [
        LeverageAnchored(at=at, account=account, instrument=one, leverage=Decimal(stated[instruments[one]][0]), by=BY)
        for one in fresh
    ]


def _delegation_anchors(name: str, look: Look, at: datetime) -> list[DelegationAnchored]:
    """Return where what a custodian mirrors is to be explained from: where nothing is under way."""
    custodian, stated = name.partition(":")[2], look.statement.sides.get("delegation")
    if stated is None:
        return []
    found = explained(custodian, look.statement, until=look.log_seq)
    still = {item: row for item, row in stated.items() if item not in look.moving}
    return delegations.anchored(custodian, still, found, log_seq=look.log_seq, at=at)


def _held(name: str, look: Look, found: tuple[Finding, ...], at: datetime) -> list[HoldingAnchored | RebaseTaken]:
    """Return where holdings are to be explained from, once all facts are here, and what is taken for rebases."""
    custodian, stated = name.partition(":")[2], look.statement.sides.get("holding")
    if stated is None or look.statement.sides.get("transfer") != look.sides.get("transfer"):
        return []
    explained_now = held_of(custodian, look.statement, look.sides, at, until=look.log_seq)
    differing = {one.difference.item for one in found if one.difference.kind == "holding"}
    still = {item: row for item, row in stated.items() if item not in look.moving | differing}
    taken = holdings.rebased(custodian, explained_now, still, at=at)
    changed_at = held_changed_at(custodian)
    if changed_at is not None and at - changed_at < QUIET_FOR:
        return [*taken]
    return [*taken, *holdings.anchored(custodian, still, explained_now, log_seq=look.log_seq, at=at)]


def evidence(event: Event) -> Evidence:
    """Return a fact as the log would hold it."""
    kind, body = codec.encode(event)
    return Evidence(kind=kind, body=body.decode())


def fact_of(one: Evidence) -> Event:
    """Return the fact again, exactly."""
    return codec.decode(one.kind, one.body.encode())


def _read(reading: Coroutine[Any, Any, Statement]) -> Statement:
    async def bounded() -> Statement:
        async with asyncio.timeout(RUN_S_MAX):
            return await reading

    return asyncio.run(bounded())


@contextmanager
def one_at_a_time(name: str) -> Iterator[bool]:
    """Hold the subject's lock, of the whole fleet, on a connection of its own: it is free again when we die."""
    opened = psycopg.connect(conninfo(), autocommit=True, connect_timeout=3, application_name=f"run:{name}"[:63])
    with opened as connection:
        lock = (LOCK_CLASS, zlib.crc32(name.encode()) - 2**31)
        row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", lock).fetchone()
        is_mine = bool(row and row[0])
        try:
            yield is_mine
        finally:
            if is_mine:  # the server notices that a connection was closed only a moment after whoever comes next
                with contextlib.suppress(psycopg.Error):
                    connection.execute("SELECT pg_advisory_unlock(%s, %s)", lock)


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"a statement within {RUN_S_MAX:g} s expected, found none"
    return redacted(str(error)) or type(error).__name__
