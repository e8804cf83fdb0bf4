"""Kinds: which events the book folds how.  event -> branch of the fold"""

from typing import Final

from hedgeapp.core.events.balances import BalanceStated
from hedgeapp.core.events.breaks import ReconciliationEvent, RunBegun, RunEnded
from hedgeapp.core.events.collateral import CollateralStated, SupplyStated
from hedgeapp.core.events.debts import BorrowRateStated
from hedgeapp.core.events.door import DoorEvent, PersonActed, PersonCalled
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.events.moves import DelegationStated
from hedgeapp.core.events.orders import HedgeProposed, ProposalClosed
from hedgeapp.core.events.people import AccessEvent
from hedgeapp.core.events.positions import FundingPaid, PositionStated
from hedgeapp.core.events.trading import OrderSeen
from portfolio.core.catalogue import ReferenceChange
from portfolio.core.collateral_folding import CollateralEvent
from portfolio.core.halts import HaltEvent
from portfolio.core.move_folding import MoveDeskEvent
from portfolio.core.orders import OrderEvent
from portfolio.core.watch_folding import WatchEvent

DeskEvent = (
    CollateralEvent
    | HedgeProposed
    | ProposalClosed
    | OrderEvent
    | HaltEvent
    | WatchEvent
    | ReconciliationEvent
    | MoveDeskEvent
    | AccessEvent
    | DoorEvent
    | ReferenceChange
)

STATED: Final = (BalanceStated, PositionStated, CollateralStated, SupplyStated, DelegationStated)
QUIET: Final = (MarksTaken, *STATED, BorrowRateStated, RunBegun, RunEnded, PersonActed, PersonCalled)  # no news
BESIDE: Final = (OrderSeen, FundingPaid, *QUIET)  # that neither ask nor change what a fill changes
