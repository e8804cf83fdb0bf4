"""Explained: what a custodian has to mirror to our accounts, by our anchors and the moves that the log has of him."""

from reconciliation.core import delegations
from reconciliation.core.delegations import Explained
from reconciliation.core.statements import Statement
from reconciliation.queries.log import moves_since
from reconciliation.queries.watched import delegation_anchors_of


def explained(custodian: str, statement: Statement, *, until: int | None = None) -> Explained:
    """Return what explains his statement of delegations, by the log up to an event, or all of it."""
    anchors = delegation_anchors_of(custodian)
    since = min((one.log_seq for one in anchors.values()), default=0)
    moves = moves_since(custodian, since) if anchors else []
    known = [one for one in moves if until is None or one.seq <= until]
    return delegations.explained(statement.sides["delegation"], anchors, known, statement.losses)
