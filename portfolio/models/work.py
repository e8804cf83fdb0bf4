"""Work that must be carried to its outcome: one row per order, cancel, halt or move, committed with its event."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Work(models.Model):
    """Something a worker must carry on with until the venue's word; a broker's message only says that it is there."""

    KINDS: ClassVar = [("order", "order"), ("cancel", "cancel"), ("halt", "halt"), ("move", "move")]
    QUEUES: ClassVar = [("orders", "orders"), ("urgent", "urgent"), ("moves", "moves")]

    kind = models.CharField(max_length=10, choices=KINDS, help_text="what is to be done")
    subject = models.CharField(max_length=100, help_text="of what: a client order id, or the id of a halt or a move")
    queue = models.CharField(max_length=10, choices=QUEUES, help_text="whose workers claim it")
    opened_at = models.DateTimeField(help_text="when it was committed")
    due_at = models.DateTimeField(help_text="not before this time; moved when it has to be tried again")
    tries = models.PositiveIntegerField(default=0, help_text="how often it was put off")
    claims = models.PositiveIntegerField(
        default=0, help_text="how often it was claimed: who holds an older claim lost it"
    )
    claimed_by = models.CharField(max_length=200, blank=True, help_text="the worker that carries it, empty when none")
    claimed_until = models.DateTimeField(null=True, help_text="when the claim ends by itself")
    closed_at = models.DateTimeField(null=True, help_text="when it had its outcome")
    said = models.CharField(max_length=500, blank=True, help_text="what came of it last")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject"], name="portfolio_work_once"),
            models.CheckConstraint(
                name="portfolio_work_moves_apart",
                condition=Q(kind="move", queue="moves") | ~Q(kind="move") & ~Q(queue="moves"),
            ),
        ]
        indexes = [
            models.Index(fields=["queue", "due_at"], name="portfolio_work_due", condition=Q(closed_at__isnull=True))
        ]
        verbose_name_plural = "work"

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
