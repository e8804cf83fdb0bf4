"""Explained: what a custodian has to mirror and to hold, by our anchors and what the log has of him."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from reconciliation.core import delegations, holdings
from reconciliation.core.delegations import Explained
from reconciliation.core.statements import Statement
from reconciliation.queries.log import held_since, moves_since
from reconciliation.queries.watched import delegation_anchors_of, holding_anchors_of


def explained(custodian: str, statement: Statement, *, until: int | None = None) -> Explained:
    """Return what explains his statement of delegations, by the log up to an event, or all of it."""
    anchors = delegation_anchors_of(custodian)
    since = min((one.log_seq for one in anchors.values()), default=0)
    moves = moves_since(custodian, since) if anchors else []
    known = [one for one in moves if until is None or one.seq <= until]
    return delegations.explained(statement.sides["delegation"], anchors, known, statement.losses)


def held(
    custodian: str,
    statement: Statement,
    mirrored: Mapping[str, Decimal],
    *,
    at: datetime,
    is_complete: bool,
    until: int | None = None,
) -> holdings.Explained:
    """Return what explains his statement of holdings, by the log up to an event, or all of it."""
    anchors = holding_anchors_of(custodian)
    since = min((one.log_seq for one in anchors.values()), default=0)
    made = held_since(custodian, since) if anchors else []
    known = [one for one in made if until is None or one.seq <= until]
    return holdings.explained(
        statement.sides["holding"], anchors, known, at=at, mirrored=mirrored, is_complete=is_complete
    )
