"""Statements: what they say of a subject at one time, in rows of each kind; and what they did not say.  (records)"""

from collections.abc import Mapping
from datetime import datetime

from hedgeapp.core.differences import DifferenceKind
from hedgeapp.core.events import Event
from hedgeapp.core.records import record
from reconciliation.core.compare import Side
from reconciliation.core.delegations import Carried


@record
class Statement:
    """Their side, as of their own time; a kind that could not be read is in `unread` with a sentence, and in no side.

    `facts` are what the log would hold of an item, by kind and item: what may be missing there. `losses` are what a
    custodian wrote off of what he mirrors, `linked` has each account and the wallet that is mirrored
    to it.
    """

    subject: str
    at: datetime
    sides: Mapping[DifferenceKind, Side]
    facts: Mapping[tuple[DifferenceKind, str], Event]
    unread: Mapping[DifferenceKind, str]
    losses: tuple[Carried, ...] = ()
    linked: tuple[tuple[str, str], ...] = ()
