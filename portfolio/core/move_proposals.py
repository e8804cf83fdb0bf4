"""Move proposals: collateral that the engine wants moved.  Book x headroom per account x at -> MoveStance

An account whose margin headroom falls below its floor gets collateral, one whose headroom rises above its ceiling gives
some back; either way to the target between them, so that what was moved is not moved back. Between floor and ceiling
nothing is proposed, whatever prices do. One move per account is under way at a time, with a cooldown after it. What a
person proposed and nobody has approved yet may never go: it counts for what it would bring, and stops nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from hedgeapp.core.amounts import ZERO, down_to_step
from hedgeapp.core.events.approvals import Destination
from hedgeapp.core.events.moves import MoveKind, MovePayload, MoveProposed, MoveWithdrawn
from hedgeapp.core.records import record
from portfolio.core.book import Book
from portfolio.core.figures import Figure
from portfolio.core.move_references import rests_on
from portfolio.core.move_request_ids import move_id
from portfolio.core.move_states import Move
from portfolio.core.order_references import plain
from portfolio.core.policies import ENGINE
from portfolio.core.valuation import Valuation

LIFE: Final = timedelta(hours=4)  # of a proposal: longer and what it rests on is another matter
STEP: Final = Decimal("0.0001")  # of a proposed amount, in units: what a person can read and type

Stand = Literal["inside", "unknown", "under_way", "cooldown", "blocked", "open", "proposed"]


@record
class MoveTerms:
    """When collateral is moved, in USD of margin headroom: below `floor` and above `ceiling`, to `target` between them.

    A proposal is withdrawn when the headroom is back at `release` of the way to the target. Moves smaller than
    `clip_min_usd` are not worth an approver's time.
    """

    floor_usd: Decimal
    target_usd: Decimal
    ceiling_usd: Decimal
    clip_min_usd: Decimal
    cooldown: timedelta
    release: Decimal = Decimal("0.5")

    @property
    def are_sound(self) -> bool:
        """Tell whether a move to the target can never cause one back."""
        return self.floor_usd < self.target_usd < self.ceiling_usd and ZERO <= self.release <= 1


@record
class Headroom:
    """An account as moves see it: its margin headroom, and what share of each asset counts there as margin.

    `settlement` says what locks moves, like the custodian's settlement, empty when nothing does. An account that
    margins in two assets, each for itself, has two of these.
    """

    account: str
    headroom_usd: Figure
    ratios: Mapping[str, Decimal]
    settlement: str = ""


@record
class MoveStance:
    """How moves stand at an account, why, and the events that make it so."""

    account: str
    stand: Stand
    because: str
    events: tuple[MoveProposed | MoveWithdrawn, ...] = ()


@record
class Way:
    """Where collateral may go, and what of which asset."""

    kind: MoveKind
    custodian: str
    source: str
    destination: str
    route: str
    asset: str
    amount: Decimal


def move_stances(accounts: Iterable[Headroom], terms: MoveTerms, valuation: Valuation) -> tuple[MoveStance, ...]:
    """Return how moves stand at each account."""
    return tuple(_stance(one, terms, valuation) for one in accounts)


def _stance(account: Headroom, terms: MoveTerms, valuation: Valuation) -> MoveStance:
    def stands(stand: Stand, because: str) -> MoveStance:
        return MoveStance(account=account.account, stand=stand, because=because)

    if not terms.are_sound:
        said = f"{plain(terms.floor_usd)} < {plain(terms.target_usd)} < {plain(terms.ceiling_usd)} USD"
        return stands("unknown", f"a floor below a target below a ceiling expected, found {said}: correct the limits")
    room = account.headroom_usd
    if room.value is None or not room.is_current:
        return stands("unknown", f"the margin headroom is not current: {room.because}")
    ours = [one for one in valuation.book.moves if one.account == account.account]
    waiting = next((one for one in ours if _is_open(one) and _is_engines(one, account)), None)
    if waiting is not None:
        return _of_waiting(waiting, account, room.value, terms, valuation.at)
    under_way = next((one for one in ours if not one.is_final and not _is_only_wished(one)), None)
    if under_way is not None:
        return stands("under_way", f"move {under_way.move_id} is {under_way.state.replace('_', ' ')}")
    if terms.floor_usd <= room.value <= terms.ceiling_usd:
        return stands("inside", "")
    # What a person proposed and what never left changed nothing: else he could hold the engine back with it for ever.
    counted = [one for one in ours if one.proposed.by == ENGINE or one.submitted_at is not None]
    ended = max((one.ended_at for one in counted if one.ended_at is not None), default=None)
    if ended is not None and valuation.at < ended + terms.cooldown:
        return stands("cooldown", f"cooldown until {ended + terms.cooldown:%H:%M:%S} UTC, after the last move ended")
    if account.settlement:
        return stands("blocked", account.settlement)
    return _of_need(account, room.value, terms, ours, valuation)


def _is_engines(move: Move, account: Headroom) -> bool:
    """Tell whether the engine proposed a move for this headroom, and not for that of another asset of the account."""
    return move.proposed.by == ENGINE and move.payload.asset in account.ratios


def _is_open(move: Move) -> bool:
    return move.state in ("proposed", "awaiting_approval", "approved")


def _is_only_wished(move: Move) -> bool:
    """Tell whether a person proposed a move that nobody has approved yet."""
    return move.proposed.by != ENGINE and move.state in ("proposed", "awaiting_approval")


def _wished_usd(kind: MoveKind, account: Headroom, ours: Iterable[Move], valuation: Valuation) -> Decimal:
    """Return the margin in USD that moves would bring, or take, which people proposed and nobody has approved."""
    wished = [one.payload for one in ours if _is_only_wished(one) and one.payload.kind == kind]
    worth = (
        of.amount * (valuation.unit_usd(of.asset).value or ZERO) * account.ratios[of.asset]
        for of in wished
        if of.asset in account.ratios
    )
    return sum(worth, ZERO)


def _of_waiting(move: Move, account: Headroom, room: Decimal, terms: MoveTerms, at: datetime) -> MoveStance:
    """Decide whether a proposal goes on standing: it ends when the headroom is well back between the bounds."""
    is_delegation = move.payload.kind == "delegate"
    bound = terms.floor_usd if is_delegation else terms.ceiling_usd
    release = bound + (terms.target_usd - bound) * terms.release
    if (room < release) if is_delegation else (room > release):
        return MoveStance(account=account.account, stand="open", because=move.proposed.reason)
    reason = f"a headroom of {plain(room)} USD is back at {plain(release)} USD, where the proposal ends"
    ends = MoveWithdrawn(at=at, move_id=move.move_id, by=ENGINE, reason=reason)
    return MoveStance(account=account.account, stand="inside", because=reason, events=(ends,))


def _of_need(
    account: Headroom, room: Decimal, terms: MoveTerms, ours: Sequence[Move], valuation: Valuation
) -> MoveStance:
    kind: MoveKind = "delegate" if room < terms.floor_usd else "undelegate"
    wished_usd = _wished_usd(kind, account, ours, valuation)
    expected = room + wished_usd if kind == "delegate" else room - wished_usd
    if terms.floor_usd <= expected if kind == "delegate" else expected <= terms.ceiling_usd:
        said = f"what people proposed would bring the headroom to {plain(expected)} USD: it waits for their approvers"
        return MoveStance(account=account.account, stand="under_way", because=said)
    way = _way(kind, account, abs(terms.target_usd - expected), valuation)
    if isinstance(way, str):
        return MoveStance(account=account.account, stand="blocked", because=way)
    price = valuation.unit_usd(way.asset).value or ZERO
    moved_usd = way.amount * price * account.ratios[way.asset]
    if moved_usd < terms.clip_min_usd or way.amount <= ZERO:
        said = f"at least {plain(terms.clip_min_usd)} USD of margin expected, found {plain(moved_usd)} USD to be moved"
        return MoveStance(account=account.account, stand="blocked", because=said)
    bound = ("below its floor", terms.floor_usd) if kind == "delegate" else ("above its ceiling", terms.ceiling_usd)
    reason = (
        f"the margin headroom of {account.account}, {plain(room)} USD, is {bound[0]} of {plain(bound[1])} USD: "
        f"{kind} {plain(way.amount)} {way.asset} to bring it to {plain(terms.target_usd)} USD"
    )
    if wished_usd:
        reason += f", beside {plain(wished_usd)} USD that people proposed"
    return MoveStance(
        account=account.account,
        stand="proposed",
        because=reason,
        events=(_proposal(way, account.account, reason, ours, valuation),),
    )


def _proposal(way: Way, account: str, reason: str, ours: Iterable[Move], valuation: Valuation) -> MoveProposed:
    """Return the next proposal of an account; two engines in succession give it the same name."""
    last = max(ours, key=lambda one: one.proposed_at, default=None)
    after = last.move_id if last else "none"
    book, at = valuation.book, valuation.at
    payload = MovePayload(
        move_id=move_id(f"{ENGINE}:{account}:after {after}:{at:%Y-%m-%d}"),
        kind=way.kind,
        custodian=way.custodian,
        asset=way.asset,
        amount=way.amount,
        source=way.source,
        destination=way.destination,
        venue=book.catalogue.accounts[account].venue,
        route=way.route,
        expires_at=at + LIFE,
    )
    rests = tuple(sorted(rests_on(payload, (), book.catalogue)))
    return MoveProposed(at=at, payload=payload, by=ENGINE, reason=reason, rests_on=rests)


def _way(kind: MoveKind, account: Headroom, need_usd: Decimal, valuation: Valuation) -> Way | str:
    """Return the asset that can give the most of what is needed, and its way; a sentence when there is none."""
    destinations = valuation.book.gate.destinations(valuation.at)
    if account.account not in valuation.catalogue.accounts:
        return f"a known account expected, found {account.account}: introduce it"
    ways = [
        way
        for there in destinations
        if there.name == account.account and "delegate" in there.kinds
        for back in destinations
        if (back.custodian, back.route) == (there.custodian, there.route) and "undelegate" in back.kinds
        for asset, ratio in sorted(account.ratios.items())
        if (way := _of_asset(kind, account.account, back, asset, ratio, need_usd, valuation)) is not None
    ]
    if not ways:
        return f"a wallet with collateral to {kind} and an agreed way to {account.account} expected, found none"

    def margin(way: Way) -> Decimal:
        return way.amount * (valuation.unit_usd(way.asset).value or ZERO) * account.ratios[way.asset]

    return max(ways, key=margin)


def _of_asset(
    kind: MoveKind,
    account: str,
    wallet: Destination,
    asset: str,
    ratio: Decimal,
    need_usd: Decimal,
    valuation: Valuation,
) -> Way | None:
    price = valuation.unit_usd(asset)
    if price.value is None or not price.is_current or price.value <= ZERO or not ZERO < ratio <= 1:
        return None
    there = _there(kind, account, wallet, asset, valuation.book)
    amount = down_to_step(min(there, need_usd / (price.value * ratio)), STEP)
    source, destination = (wallet.name, account) if kind == "delegate" else (account, wallet.name)
    return Way(
        kind=kind,
        custodian=wallet.custodian,
        source=source,
        destination=destination,
        route=wallet.route,
        asset=asset,
        amount=amount,
    )


def _there(kind: MoveKind, account: str, wallet: Destination, asset: str, book: Book) -> Decimal:
    """Return what could be moved of an asset; what is stale is refused when the move is sent."""
    if kind == "undelegate":
        return max(ZERO, book.delegated.get((account, asset), ZERO))
    stated = book.collateral.get((wallet.custodian, wallet.name, asset))
    return max(ZERO, stated.total - stated.locked) if stated else ZERO
