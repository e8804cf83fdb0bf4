"""Tasks of access: what two people agreed on is carried out when its cool-off is over."""

from datetime import UTC, datetime

from celery import shared_task

from hedgeapp.access.persons import carry_out_due


@shared_task
def change_people() -> None:
    """Carry out the changes of roles whose cool-off is over."""
    carry_out_due(datetime.now(UTC))
