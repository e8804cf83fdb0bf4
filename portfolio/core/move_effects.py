"""Move effects: what a collateral move changes, now and after it is done.  MovePayload x Book x Marks -> MoveEffect

The move is made in a book beside the real one, and both are measured by the functions that the live numbers come from.
What is mirrored to a venue stays with its custodian: a delegation changes neither delta nor backing, only what counts
as margin and how much of the collateral a venue can hold up. What would be lost with a venue is what it owes us until
its next settlement: its equity less what is delegated to it.
"""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.balances import BalanceStated
from hedgeapp.core.events.moves import MovePayload
from hedgeapp.core.records import record
from marketdata.core.board import FeedHealth
from portfolio.core.backing import backing
from portfolio.core.book import Book
from portfolio.core.effects import Change
from portfolio.core.exposure import exposure_lines, exposure_rows
from portfolio.core.figures import Figure, derived, folded, none_of, total, unknown
from portfolio.core.holdings import balance_rows, collateral_rows, times
from portfolio.core.margin import margin_rows
from portfolio.core.pnl import ValuedPosition, in_usd, valued_positions
from portfolio.core.rows import BalanceRow, MarginRow
from portfolio.core.valuation import Marks, Valuation


@record
class Place:
    """A custodian, a chain or a venue: what it has, in USD, and which share of all assets that is."""

    name: str
    usd: Change
    share: Change


@record
class MoveEffect:
    """What a move changes when both sides show it; `usd` is what it is worth now.

    `net` is the exposure in `currency`, which the asset is an exposure to. `source` and `destination` are what either
    side can give of the asset, in its units: a wallet what is free, an account what is mirrored to it. `headroom_usd`
    and `margin_ratio` are of `account` in `margin_asset`: the asset itself where something there settles in it, else
    the one with the least headroom, which the move then leaves alone; a transfer has none. `custodians` have what they
    hold, mirrored or not, `venues` their whole equity, mirrored collateral included, and `unsettled` is what they owe
    us until the next settlement.
    """

    currency: str
    usd: Figure
    net: Change
    assets_usd: Change
    backing_ratio: Change
    source: Change
    destination: Change
    account: str
    margin_asset: str
    headroom_usd: Change | None
    margin_ratio: Change | None
    custodians: tuple[Place, ...]
    venues: tuple[Place, ...]
    unsettled: tuple[Place, ...]


def move_effect(
    payload: MovePayload,
    book: Book,
    marks: Marks,
    at: datetime,
    feeds: Iterable[FeedHealth] = (),
) -> MoveEffect:
    """Return what a move changes; the book stays as it is."""
    feeds = tuple(feeds)
    now, then = Valuation(book, marks, at, feeds), Valuation(moved(payload, book), marks, at, feeds)
    margin_asset = _margin_asset(payload, now)
    one, other = _measured(payload, now, margin_asset), _measured(payload, then, margin_asset)
    has_margin = bool(account_of(payload))
    return MoveEffect(
        currency=now.catalogue.currency(payload.asset),
        usd=derived(times, folded(payload.amount), now.unit_usd(payload.asset)),
        net=Change(before=one.net, after=other.net),
        assets_usd=Change(before=one.assets_usd, after=other.assets_usd),
        backing_ratio=Change(before=one.backing_ratio, after=other.backing_ratio),
        source=Change(before=one.source, after=other.source),
        destination=Change(before=one.destination, after=other.destination),
        account=account_of(payload),
        margin_asset=margin_asset,
        headroom_usd=Change(before=one.headroom_usd, after=other.headroom_usd) if has_margin else None,
        margin_ratio=Change(before=one.margin_ratio, after=other.margin_ratio) if has_margin else None,
        custodians=_places(one.custodians, other.custodians, one, other),
        venues=_places(one.venues, other.venues, one, other),
        unsettled=_places(one.unsettled, other.unsettled, one, other),
    )


def account_of(payload: MovePayload) -> str:
    """Return the account whose margin a move changes; empty for a transfer."""
    return {"delegate": payload.destination, "undelegate": payload.source}.get(payload.kind, "")


def moved(payload: MovePayload, book: Book) -> Book:
    """Return a book beside another, in which both sides show a move.

    A side that nobody has stated stays unstated, and what is stale becomes no fresher.
    """
    beside = copy(book)
    beside.collateral = dict(book.collateral)
    custodian, asset, account = payload.custodian, payload.asset, account_of(payload)
    if not account:
        source = book.collateral.get((custodian, payload.source, asset))
        there = (custodian, payload.destination, asset)
        if source is not None and there not in beside.collateral:
            beside.collateral[there] = replace(source, wallet=payload.destination, total=ZERO, locked=ZERO)
        _hold(beside, (custodian, payload.source, asset), total_by=-payload.amount)
        _hold(beside, there, total_by=payload.amount)
        return beside
    change = payload.amount if payload.kind == "delegate" else -payload.amount
    wallet = payload.source if payload.kind == "delegate" else payload.destination
    _hold(beside, (custodian, wallet, asset), locked_by=change)
    delegated = book.delegated.get((account, asset), ZERO)
    stated = book.balances.get((account, asset)) or _first(account, asset, delegated, book)
    beside.delegated = book.delegated | {(account, asset): delegated + change}
    if stated is not None:
        shown = replace(stated, total=stated.total + change)
        beside.balances = book.balances | {(account, asset): shown}
    return beside


@record
class _Measured:
    net: Figure
    assets_usd: Figure
    backing_ratio: Figure
    source: Figure
    destination: Figure
    headroom_usd: Figure
    margin_ratio: Figure
    custodians: Mapping[str, Figure]
    venues: Mapping[str, Figure]
    unsettled: Mapping[str, Figure]


def _measured(payload: MovePayload, valuation: Valuation, margin_asset: str) -> _Measured:
    positions, balances, held = valued_positions(valuation), balance_rows(valuation), collateral_rows(valuation)
    rows = exposure_rows(exposure_lines(positions, balances, held, valuation), valuation)
    currency = valuation.catalogue.currency(payload.asset)
    behind = backing(positions, balances, held, valuation)
    equity, owed = _at_venues(positions, balances, valuation)
    margin = next((row for row in _margins(payload, valuation) if row.settlement == margin_asset), None)
    nobody = unknown(f"no margin of {account_of(payload)} is known: its feed has stated no balance that counts")
    return _Measured(
        net=next((row.net for row in rows if row.currency == currency), unknown(f"{currency} is no known currency")),
        assets_usd=behind.assets_usd,
        backing_ratio=behind.ratio,
        source=_has(payload, payload.source, valuation),
        destination=_has(payload, payload.destination, valuation),
        headroom_usd=margin.headroom_usd if margin else nobody,
        margin_ratio=margin.margin_ratio if margin else nobody,
        custodians=_by_name((row.holder, row.usd) for row in held),
        venues=equity,
        unsettled=owed,
    )


def _margins(payload: MovePayload, valuation: Valuation) -> list[MarginRow]:
    account = account_of(payload)
    ours = [one for one in valued_positions(valuation) if one.position.account == account]
    return [row for row in margin_rows(ours, valuation) if row.account == account]


def _margin_asset(payload: MovePayload, valuation: Valuation) -> str:
    """Return the asset whose margin is shown: the payload's where it counts, else the one with the least headroom."""
    if any((one.venue, one.settlement) == (payload.venue, payload.asset) for one in valuation.catalogue.contracts):
        return payload.asset
    rows = _margins(payload, valuation)
    known = [row for row in rows if row.headroom_usd.value is not None]
    tightest = min(known, key=lambda row: row.headroom_usd.value or ZERO, default=next(iter(rows), None))
    return tightest.settlement if tightest else ""


def _at_venues(
    positions: Iterable[ValuedPosition], balances: Iterable[BalanceRow], valuation: Valuation
) -> tuple[Mapping[str, Figure], Mapping[str, Figure]]:
    """Return each venue's equity, and the part of it that is not mirrored from a custodian, in USD."""
    balances = tuple(balances)
    gained = [
        (one.instrument.venue, in_usd(one.unrealized, one.settlement, valuation))
        for one in positions
        if one.position.size
    ]
    equity = _by_name([*((row.venue, derived(times, row.total, row.usd_price)) for row in balances), *gained])
    return equity, _by_name([*((row.venue, row.usd) for row in balances), *gained])


def _by_name(parts: Iterable[tuple[str, Figure]]) -> Mapping[str, Figure]:
    found: dict[str, list[Figure]] = {}
    for name, usd in parts:
        found.setdefault(name, []).append(usd)
    return {name: total(found[name]) for name in sorted(found)}


def _places(
    before: Mapping[str, Figure], after: Mapping[str, Figure], one: _Measured, other: _Measured
) -> tuple[Place, ...]:
    nothing = folded(ZERO)
    found = []
    for name in sorted({*before, *after}):
        usd = Change(before=before.get(name, nothing), after=after.get(name, nothing))
        share = Change(before=_share(usd.before, one.assets_usd), after=_share(usd.after, other.assets_usd))
        found.append(Place(name=name, usd=usd, share=share))
    return tuple(found)


def _share(part: Figure, whole: Figure) -> Figure:
    if whole.value == ZERO:
        return none_of((part, whole), "there are no assets: there is nothing to compare with")
    return derived(lambda one, all_: one / all_, part, whole)


def _has(payload: MovePayload, place: str, valuation: Valuation) -> Figure:
    """Return what a wallet has free of the payload's asset, or what is mirrored of it to an account."""
    book, custodian, asset = valuation.book, payload.custodian, payload.asset
    if place == account_of(payload):
        words = [one.at for one in book.mirrored.values() if (one.account, one.asset) == (place, asset)]
        units = book.delegated.get((place, asset), ZERO)
        if not words:
            return folded(units) if units else unknown(f"{custodian} has not stated what it mirrors to {place}")
        what = f"delegation of {asset} to {place}"
        return valuation.stated(units, min(words), f"custodian:{custodian}", "collateral", what)
    stated = book.collateral.get((custodian, place, asset))
    if stated is None:
        return unknown(f"{custodian} has not stated what {place} has of {asset}")
    what = f"{asset} of {custodian} in {place}"
    return valuation.stated(stated.total - stated.locked, stated.at, f"custodian:{custodian}", "collateral", what)


def _hold(beside: Book, key: tuple[str, str, str], *, total_by: Decimal = ZERO, locked_by: Decimal = ZERO) -> None:
    """Change what a wallet holds, where a custodian has stated it."""
    stated = beside.collateral.get(key)
    if stated is not None:
        changed = replace(stated, total=stated.total + total_by, locked=stated.locked + locked_by)
        beside.collateral[key] = changed


def _first(account: str, asset: str, delegated: Decimal, book: Book) -> BalanceStated | None:
    """Return the balance of an asset that an account has not had yet, as old as its other statements."""
    known = [one.at for (name, _), one in book.balances.items() if name == account]
    if not known:
        return None
    return BalanceStated(at=min(known), account=account, asset=asset, total=delegated)
