"""Halts as rows: what the pages show, and where the database itself asks for two people."""

from django.db import models
from django.db.models import F, Q


class Halt(models.Model):
    """A halt of new risk, from its declaration until two people lifted it; written with its events, never alone."""

    halt_id = models.CharField(max_length=100, primary_key=True, help_text="its name in the log")
    scope = models.CharField(max_length=63, help_text="a venue, or * for all of them")
    declared_at = models.DateTimeField(help_text="when it was declared")
    declared_by = models.CharField(max_length=150, help_text="who declared it")
    reason = models.CharField(max_length=500, help_text="why it was declared")
    canceled = models.PositiveIntegerField(default=0, help_text="orders that were canceled for it")
    held_at = models.DateTimeField(null=True, help_text="when the venues said that nothing of its scope is left")
    asked_at = models.DateTimeField(null=True, help_text="when the first of two people wanted to resume")
    asked_by = models.CharField(max_length=150, blank=True, help_text="the first of the two")
    asked_because = models.CharField(max_length=500, blank=True, help_text="why it should be lifted")
    lifted_at = models.DateTimeField(null=True, help_text="when the second of two people lifted it")
    approved_by = models.CharField(max_length=150, blank=True, help_text="the second of the two")

    class Meta:
        ordering = ["-declared_at"]
        default_permissions = ["view"]
        constraints = [
            models.UniqueConstraint(
                fields=["scope"], name="portfolio_halt_one_per_scope", condition=Q(lifted_at__isnull=True)
            ),
            models.CheckConstraint(
                name="portfolio_halt_asked_by_somebody",
                condition=Q(asked_at__isnull=True, asked_by="") | (Q(asked_at__isnull=False) & ~Q(asked_by="")),
            ),
            models.CheckConstraint(
                name="portfolio_halt_lifted_by_two",
                condition=Q(lifted_at__isnull=True, approved_by="")
                | (Q(lifted_at__isnull=False) & ~Q(asked_by="") & ~Q(approved_by="") & ~Q(asked_by=F("approved_by"))),
            ),
        ]

    def __str__(self) -> str:
        return self.halt_id


class Desk(models.Model):
    """What people may do at the desk that is no change of a row."""

    class Meta:
        managed = False
        default_permissions = []
        permissions = [
            ("send_order", "Can send and cancel orders"),
            ("declare_halt", "Can halt new risk"),
            ("lift_halt", "Can ask for and approve the end of a halt"),
            ("propose_move", "Can propose collateral moves and withdraw the own ones"),
            ("withdraw_others_move", "Can withdraw collateral moves of others"),
            ("decide_move", "Can approve and reject collateral moves"),
            ("save_scenario", "Can save scenarios and drop the own ones"),
            ("mark_scenario", "Can have saved scenarios run on the live book each minute"),
            ("drop_others_scenario", "Can drop saved scenarios of others"),
        ]
