"""The rows of reconciliation are what the log folds into: built again they are the same, and what differs is told."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from hedgeapp.core.events.anchors import DelegationAnchored, HoldingAnchored
from hedgeapp.core.events.breaks import BalanceAnchored
from reconciliation.models import Anchor, BreakRow, DelegationAnchor, HoldingAnchor, Run
from reconciliation.operations.breaks import accept_break, assign_break, explain_break
from reconciliation.operations.replay import RowsDiffer, rebuild_rows
from tests.builders.books import reference
from tests.builders.breaks import difference
from tests.builders.broken import found, seen, told

AT = datetime.now(UTC) - timedelta(hours=1)
MODELS = (Run, BreakRow, Anchor, DelegationAnchor, HoldingAnchor)


@pytest.fixture(autouse=True)
def _history(log_url: str) -> None:
    """Write breaks in several states."""
    anchor = BalanceAnchored(
        at=AT, account="binance-usdm:main", asset="USDT", total=Decimal("10.50"), booked=Decimal(0), by="reconciliation"
    )
    mirrored = DelegationAnchored(
        at=AT, custodian="ceffu", account="binance-usdm:main", asset="ETH", total=Decimal("1.50"), log_seq=1, by="ann"
    )
    held = HoldingAnchored(
        at=AT, custodian="ceffu", wallet="w1", asset="ETH", total=Decimal("7.50"), log_seq=1, by="ann"
    )
    told(*reference(), anchor, mirrored, held, at=AT)
    big, small = found(difference(), difference(item="ETH", unit="ETH"), at=AT)
    explain_break(big, by="ann", explanation="a rebate", at=AT + timedelta(minutes=3))
    assign_break(small, assignee="", by="ann", at=AT + timedelta(minutes=3))
    accept_break(big, by="ann", reason="small", at=AT + timedelta(minutes=4))
    seen(difference(), at=AT + timedelta(minutes=5))


def test_rows_built_again_are_the_same() -> None:
    before = [list(model.objects.order_by("pk").values()) for model in MODELS]
    rows = rebuild_rows(datetime.now(UTC))
    after = [list(model.objects.order_by("pk").values()) for model in MODELS]
    for one, other in zip(before, after, strict=True):
        assert [{**row, "id": 0} for row in one] == [{**row, "id": 0} for row in other]
    assert rows == {
        "reconciliation_run": 3,
        "reconciliation_breakrow": len(before[1]),
        "reconciliation_anchor": 1,
        "reconciliation_delegationanchor": 1,
        "reconciliation_holdinganchor": 1,
    }


def test_rows_that_somebody_changed_are_told_and_left_until_it_is_accepted() -> None:
    BreakRow.objects.filter(to_seq=None, item="ETH").update(severity="minor")
    with pytest.raises(RowsDiffer, match="1 rows of reconciliation_breakrow"):
        rebuild_rows(datetime.now(UTC))
    assert BreakRow.objects.get(to_seq=None, item="ETH").severity == "minor"
    with pytest.raises(CommandError, match="accept-differences"):
        call_command("rebuild_breaks")
    said = StringIO()
    call_command("rebuild_breaks", accept_differences=True, stdout=said)
    assert "reconciliation_anchor: 1 rows" in said.getvalue()
    assert BreakRow.objects.get(to_seq=None, item="ETH").severity == "major"


def test_rows_that_are_gone_come_back() -> None:
    Run.objects.all().delete()
    assert rebuild_rows(datetime.now(UTC))["reconciliation_run"] == 3
