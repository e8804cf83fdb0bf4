"""Notices: what webhooks told, each kept once until the custodian's own lists were asked; blocking."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from marketdata import models
from marketdata.core.notices import Judged, Notice

KEPT_FOR: Final = timedelta(days=40)  # longer than a body may come again
WAITING_MAX: Final = 1_000  # of one custodian; more are refused until its lists are read again


class TooManyNoticesWait(RuntimeError):
    """A custodian tells more than its lists are asked for."""

    def __init__(self, custodian: str) -> None:
        super().__init__(f"fewer than {WAITING_MAX} notices of {custodian} that wait expected: is its feed running?")


def keep(custodian: str, notice: Notice) -> bool:
    """Keep a notice, unless the same body came before; return whether it is new. Raises TooManyNoticesWait."""
    with transaction.atomic(durable=True):
        of_custodian = models.Notice.objects.filter(custodian=custodian)
        if of_custodian.filter(verdict="waiting").count() >= WAITING_MAX:
            raise TooManyNoticesWait(custodian)
        of_custodian.filter(received_at__lt=notice.received_at - KEPT_FOR).delete()
        _, is_new = models.Notice.objects.get_or_create(
            custodian=custodian,
            digest=notice.digest,
            defaults={
                "event_type": notice.event_type,
                "order_id": notice.order_id,
                "coin": notice.coin,
                "amount": f"{notice.amount:f}",
                "told_at": notice.at,
                "received_at": notice.received_at,
            },
        )
    return is_new


def settle(custodian: str, judged: Iterable[Judged], at: datetime) -> None:
    """Write down what the lists say of notices."""
    with transaction.atomic(durable=True):
        for one in judged:
            models.Notice.objects.filter(custodian=custodian, digest=one.notice.digest).update(
                verdict=one.verdict, said=one.said, settled_at=at
            )
