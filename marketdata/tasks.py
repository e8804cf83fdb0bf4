"""Tasks of market data: what two people agreed on holds when its cool-off is over."""

from datetime import UTC, datetime

from celery import shared_task

from marketdata.operations.sources import carry_out_due


@shared_task
def change_sources() -> None:
    """Let hold the URLs and keys whose cool-off is over."""
    carry_out_due(datetime.now(UTC))
