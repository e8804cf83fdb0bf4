"""Book: everything the log says, folded; it knows no mark but the last taken.  Recorded x Book -> Book

`apply` is total and takes constant time per event. The latest statement by the source's own time wins, whichever came
last. An event that refers to something unknown is not lost: fills and openings of an unknown instrument wait for it,
the rest is kept under its name, and each is a fault until what it lacks is introduced.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.balances import BalanceStated, CollateralTermsStated, TransferSeen
from hedgeapp.core.events.breaks import ReconciliationEvent
from hedgeapp.core.events.collateral import CollateralStated, CustodianStateChanged, SettlementSeen, SupplyStated
from hedgeapp.core.events.debts import BorrowRateStated, DebtEvent, InterestCharged
from hedgeapp.core.events.door import DoorEvent
from hedgeapp.core.events.feeds import FeedStateChanged, ServiceTaken
from hedgeapp.core.events.halts import HaltDeclared, HaltLifted, HaltTookHold, ResumeAsked
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.events.moves import DelegationStated
from hedgeapp.core.events.orders import HedgeProposed, ProposalClosed
from hedgeapp.core.events.people import AccessEvent
from hedgeapp.core.events.positions import FundingPaid, PositionOpened, PositionStated
from hedgeapp.core.events.reference import InstrumentChanged
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import Mark
from portfolio.core.account_terms import AccountTerms
from portfolio.core.alerts import Alerts
from portfolio.core.blocking import Blocking
from portfolio.core.blocks import Blocks
from portfolio.core.catalogue import Catalogue, ReferenceChange
from portfolio.core.collateral_folding import CollateralEvent, add, fold_collateral
from portfolio.core.debts import Debts
from portfolio.core.faults import Faults, instrument_unknown
from portfolio.core.halts import Halts
from portfolio.core.headlines import headline
from portfolio.core.kinds import BESIDE, QUIET, DeskEvent
from portfolio.core.minting import Minting
from portfolio.core.move_delegations import follow_balance
from portfolio.core.move_folding import MoveDeskEvent, fold_move
from portfolio.core.move_gates import Gate
from portfolio.core.moves import Moves
from portfolio.core.open_breaks import OpenBreaks
from portfolio.core.orders import Orders
from portfolio.core.positions import OpeningCameTooLate, Position
from portfolio.core.price_highs import PriceHighs
from portfolio.core.proposals import LastProposal
from portfolio.core.row_changes import RowChanges, note_agreement, row_name
from portfolio.core.rows import EventRow
from portfolio.core.scenarios.saved import SavedScenarios
from portfolio.core.suspensions import Suspensions
from portfolio.core.watch_folding import WatchEvent, fold_watch

EVENTS_KEPT: Final = 50  # latest ones, for the screen
ORDERS_KEPT: Final = 1_000  # that are no longer working
WAITING_KEPT: Final = 10_000  # fills of instruments that are not known yet, all together

FINAL: Final = frozenset({"filled", "canceled", "rejected", "expired"})


class Book:
    """The book as of event `seq`; mutable, owned by one loop.

    Amounts are in units of their assets. Keys: `positions`, `stated`, `funding` by (account, instrument); `balances`,
    `transfers`, `delegated` by (account, asset); `collateral` by (holder, wallet, asset); `supply` by (chain, asset);
    `orders` by (account, instrument, venue_order_id); `marks` by (subject, kind); `proposals`, the open ones, by id;
    `last_proposals` by currency. `our_orders` are those of `orders` that we sent, and those that no venue has seen yet.
    `minted` and `redeemed` are in synthetic dollars per chain. `delegated` is what of a balance is mirrored from a
    custodian; `mirrored`, by (custodian, account, asset), its own word; `custodians` take moves; `settled` is
    the last settlement of each account; `terms` are of margin.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.recorded_at: datetime | None = None
        self.catalogue = Catalogue()
        self.positions: dict[tuple[str, str], Position] = {}
        self.stated: dict[tuple[str, str], PositionStated] = {}
        self.funding: dict[tuple[str, str], dict[str, Decimal]] = {}
        self.balances: dict[tuple[str, str], BalanceStated] = {}
        self.transfers: dict[tuple[str, str], Decimal] = {}
        self.debts = Debts()
        self.delegated: dict[tuple[str, str], Decimal] = {}
        self.mirrored: dict[tuple[str, str, str], DelegationStated] = {}
        self.custodians: dict[str, CustodianStateChanged] = {}
        self.settled: dict[str, SettlementSeen] = {}
        self.collateral: dict[tuple[str, str, str], CollateralStated] = {}
        self.supply: dict[tuple[str, str], SupplyStated] = {}
        self.minted: dict[str, Decimal] = {}
        self.redeemed: dict[str, Decimal] = {}
        self.blocks = Blocks()
        self.orders: dict[tuple[str, str, str], OrderSeen] = {}
        self.our_orders = Orders()
        self.proposals: dict[str, HedgeProposed] = {}
        self.last_proposals: dict[str, LastProposal] = {}
        self.halts = Halts()
        self.blocking = Blocking()
        self.terms = AccountTerms()
        self.open_breaks = OpenBreaks()
        self.moves = Moves()
        self.gate = Gate()
        self.row_changes = RowChanges()
        self.minting = Minting()
        self.suspensions = Suspensions()
        self.scenarios = SavedScenarios()
        self.alerts = Alerts()
        self.marks: dict[tuple[str, str], Mark] = {}
        self.price_highs = PriceHighs()
        self.feeds: dict[str, FeedStateChanged] = {}
        self.services: dict[str, ServiceTaken] = {}
        self.faults = Faults()
        self._latest: deque[Recorded | EventRow] = deque(maxlen=EVENTS_KEPT)
        self._waiting: dict[str, list[FillRecorded | PositionOpened]] = {}
        self.finished_orders: deque[tuple[str, str, str]] = deque()

    @property
    def latest_events(self) -> tuple[EventRow, ...]:
        """The latest events that are news, the latest first."""
        for place, one in enumerate(self._latest):
            if isinstance(one, Recorded):
                self._latest[place] = headline(one)  # once, not for every frame
        return tuple(one for one in reversed(self._latest) if isinstance(one, EventRow))

    @property
    def waiting(self) -> tuple[FillRecorded | PositionOpened, ...]:
        """The fills and openings that wait for their instruments to be introduced."""
        return tuple(one for waiting in self._waiting.values() for one in waiting)

    def keep_events(self, rows: Iterable[EventRow]) -> None:
        """Take rows of `latest_events` back, the oldest first."""
        self._latest.extend(rows)

    def keep_waiting(self, event: FillRecorded | PositionOpened) -> None:
        """Let an event wait for its instrument."""
        self._waiting.setdefault(event.instrument, []).append(event)

    def apply(self, recorded: Recorded) -> None:
        """Fold one event of the log; events come in the log's order."""
        self.fold((recorded,))

    def fold(self, batch: Iterable[Recorded]) -> None:
        """Fold events of the log, in its order; fills of positions that are there go to these many at a time."""
        latest, our_orders, positions = self._latest, self.our_orders, self.positions
        orders, recorded = our_orders.of_id, None
        gathered: dict[tuple[str, str], list[FillRecorded]] = {}
        for recorded in batch:
            event = recorded.event
            if type(event) is FillRecorded:
                latest.append(recorded)
                if orders:
                    our_orders.fill(event, recorded.seq, recorded.recorded_at)
                key = (event.account, event.instrument)
                fills = gathered.get(key)
                if fills is not None:
                    fills.append(event)
                    continue
                if key in positions:
                    gathered[key] = [event]
                    continue
            elif not isinstance(event, QUIET):
                latest.append(recorded)
            self.seq, self.recorded_at = recorded.seq, recorded.recorded_at
            if gathered and not isinstance(event, BESIDE):
                self._hand_over(gathered)
            self._place(event)
        self._hand_over(gathered)
        if recorded is not None:
            self.seq, self.recorded_at = recorded.seq, recorded.recorded_at

    def _hand_over(self, gathered: dict[tuple[str, str], list[FillRecorded]]) -> None:
        for key, fills in gathered.items():
            self.positions[key].fill(fills, self.catalogue.instruments[key[1]].contract_size)
        gathered.clear()

    def _place(self, event: Event) -> None:
        match event:
            case FillRecorded():
                self._fill(event)
            case PositionOpened():
                self._open(event)
            case OrderSeen():
                self._order(event)
            case PositionStated() | FundingPaid() | BalanceStated() | TransferSeen():
                self._of_account(event)
            case BorrowRateStated() | InterestCharged():
                self._of_account(event)
            case CollateralTermsStated():
                self.terms.apply(event)
            case MarksTaken():
                self.marks.update({(mark.subject, mark.kind): mark for mark in event.marks})
                self.price_highs.note(event)
            case FeedStateChanged():
                if event.feed not in self.feeds or event.at >= self.feeds[event.feed].at:
                    self.feeds[event.feed] = event
            case ServiceTaken():
                if event.service not in self.services or event.epoch >= self.services[event.service].epoch:
                    self.services[event.service] = event
            case _:
                self._of_desk(event)

    def _of_desk(self, event: DeskEvent) -> None:
        if isinstance(event, CollateralEvent):
            for subject, because in fold_collateral(event, self):
                self._fault(event, subject, because)
            return
        if isinstance(event, ReferenceChange):
            self._change(event)
            return
        if isinstance(event, AccessEvent | DoorEvent):
            note_agreement(event, self.row_changes, self.recorded_at)
            return
        if isinstance(event, ReconciliationEvent):
            self.blocking.apply(event)
            self.open_breaks.apply(event)
            self.terms.apply(event)
            return
        if isinstance(event, MoveDeskEvent):
            self._contradiction(event, fold_move(event, self))
            return
        if isinstance(event, WatchEvent):
            self._contradiction(event, fold_watch(event, self))
            return
        match event:
            case HedgeProposed():
                self.proposals[event.proposal_id] = event
                last = self.last_proposals.get(event.currency)
                number = last.number + 1 if last else 1
                self.last_proposals[event.currency] = LastProposal(currency=event.currency, number=number)
            case ProposalClosed():
                closed = self.proposals.pop(event.proposal_id, None)
                if closed is not None:
                    last = self.last_proposals[closed.currency]
                    self.last_proposals[closed.currency] = replace(last, closed_at=event.at)
            case HaltDeclared() | HaltTookHold() | ResumeAsked() | HaltLifted():
                self._contradiction(event, self.halts.apply(event, self.seq))
            case _:
                assert self.recorded_at is not None
                self._contradiction(event, self.our_orders.apply(event, self.seq, self.recorded_at))

    def _contradiction(self, event: Event, said: str) -> None:
        if said:
            self._fault(event, event.key, said)

    def _fill(self, fill: FillRecorded) -> None:
        instrument = self.catalogue.instruments.get(fill.instrument)
        if instrument is None:
            self._wait(fill)
            return
        self._position(fill, instrument).fill((fill,), instrument.contract_size)

    def _open(self, opening: PositionOpened) -> None:
        instrument = self.catalogue.instruments.get(opening.instrument)
        if instrument is None:
            self._wait(opening)
            return
        try:
            self._position(opening, instrument).open(opening, instrument.contract_size)
        except OpeningCameTooLate as refusal:
            self._fault(opening, f"{opening.account}:{opening.instrument}", str(refusal))

    def _show_stated(self, stated: PositionStated) -> None:
        """Let a position that only the venue knows of appear, flat, so that its difference is seen."""
        instrument = self.catalogue.instruments.get(stated.instrument)
        if stated.quantity and instrument is not None:
            self._position(stated, instrument)

    def _position(self, first: FillRecorded | PositionOpened | PositionStated, instrument: Instrument) -> Position:
        known = self.positions.get((first.account, first.instrument))
        if known is not None:
            return known
        self._require_account(first, first.account)
        position = Position(first.account, first.instrument, instrument.kind, first.at)
        self.positions[first.account, first.instrument] = position
        return position

    def _wait(self, event: FillRecorded | PositionOpened) -> None:
        has_room = sum(map(len, self._waiting.values())) < WAITING_KEPT
        if has_room:
            self.keep_waiting(event)
        self._fault(event, event.instrument, instrument_unknown(event.instrument, WAITING_KEPT, has_room=has_room))

    def _order(self, order: OrderSeen) -> None:
        self._require_account(order, order.account)
        self._contradiction(order, self.our_orders.seen(order, self.seq))
        key = (order.account, order.instrument, order.venue_order_id)
        before = self.orders.get(key)
        if before is not None and (before.status in FINAL or (before.filled, before.at) > (order.filled, order.at)):
            return
        self.orders[key] = order
        if order.status in FINAL:
            self.finished_orders.append(key)
            if len(self.finished_orders) > ORDERS_KEPT:
                del self.orders[self.finished_orders.popleft()]

    def _of_account(self, event: PositionStated | FundingPaid | BalanceStated | TransferSeen | DebtEvent) -> None:
        self._require_account(event, event.account)
        if isinstance(event, PositionStated | FundingPaid):
            if event.instrument not in self.catalogue.instruments:
                self._fault(event, event.instrument, f"instrument {event.instrument} is not known: introduce it")
        elif event.asset not in self.catalogue.assets:
            self._fault(event, event.asset, f"asset {event.asset} is not known: introduce it")
        match event:
            case PositionStated():
                stated = self.stated.get((event.account, event.instrument))
                if stated is None or event.at >= stated.at:
                    self.stated[event.account, event.instrument] = event
                self._show_stated(event)
            case FundingPaid():
                add(self.funding.setdefault((event.account, event.instrument), {}), event.asset, event.amount)
            case BalanceStated():
                balance = self.balances.get((event.account, event.asset))
                if balance is None or event.at >= balance.at:
                    follow_balance(self.delegated, self.moves, balance, event)
                    self.balances[event.account, event.asset] = event
            case TransferSeen():
                add(self.transfers, (event.account, event.asset), event.amount)
            case _:
                self.debts.apply(event)

    def _change(self, event: ReferenceChange) -> None:
        if isinstance(event, InstrumentChanged):
            item, before = event.instrument, self.catalogue.instruments.get(event.instrument.id)
            if before is not None and before.kind != item.kind:
                said = f"instrument {item.id} is {before.kind} and cannot become {item.kind}"
                self._fault(event, item.id, f"{said}: give the new contract another symbol")
                return
        assert self.recorded_at is not None
        self.row_changes.note(row_name(event), event.by, self.recorded_at)
        name = self.catalogue.change(event)
        self.faults.resolve(name)
        for waiting in sorted(self._waiting.pop(name, ()), key=lambda one: isinstance(one, FillRecorded)):
            self._place(waiting)

    def _require_account(self, event: Event, account: str) -> None:
        if account not in self.catalogue.accounts:
            self._fault(event, account, f"account {account} is not known: introduce it")

    def _fault(self, event: Event, subject: str, because: str) -> None:
        self.faults.add(seq=self.seq, at=event.at, kind=type(event).__name__, subject=subject, because=because)
