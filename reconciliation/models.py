"""Tables of reconciliation: runs, breaks with their past, and where the balances are explained from.

They are written with their events, in the same transaction, and fold again from the log at any time.
"""

from django.db import models
from django.db.models import F, Q

from portfolio.models.rows import ExactField, Version


class Run(models.Model):
    """One comparison of a subject with its statements."""

    run_id = models.CharField(max_length=100, primary_key=True, help_text="its name in the log")
    subject = models.TextField(db_collation="C", help_text="whose statement, by the name of its feed")
    trigger = models.TextField(help_text="why it ran: schedule, reconnect or person")
    begun_at = models.DateTimeField(help_text="when it began")
    begun_seq = models.BigIntegerField(help_text="the event that it began with")
    ended_at = models.DateTimeField(null=True, help_text="when it ended; empty: it runs, or died")
    ended_seq = models.BigIntegerField(null=True, help_text="the event that it ended with")
    outcome = models.TextField(help_text="clean, differing or failed; empty: not ended")
    log_seq = models.BigIntegerField(help_text="the last event that was on our side")
    compared = models.JSONField(help_text="rows, differences and digest of each kind")
    said = models.TextField(help_text="what could not be read, and why")

    class Meta:
        ordering = ["-begun_seq"]
        default_permissions = []
        indexes = [
            models.Index(fields=["subject", "-begun_seq"], name="reconciliation_run_latest"),
            models.Index(fields=["-begun_seq"], name="reconciliation_run_newest"),
        ]

    def __str__(self) -> str:
        return self.run_id


class BreakRow(Version):
    """A break as it is from an event on; `body` is all of it."""

    KEY = ("break_id",)

    break_id = models.TextField(db_collation="C", help_text="its id, for ever")
    state = models.TextField(help_text="seen, settled, found, investigated, explained, healed, accepted or verified")
    is_open = models.BooleanField(help_text="whether somebody has to do something about it")
    is_watched = models.BooleanField(help_text="whether runs still look after it")
    was_found = models.BooleanField(help_text="whether it outlived its grace")
    severity = models.TextField(help_text="minor, major or critical")
    subject = models.TextField(db_collation="C", help_text="whose statement, by the name of its feed")
    venue = models.TextField(db_collation="C", help_text="the venue or holder")
    kind = models.TextField(help_text="what differs")
    item = models.TextField(help_text="which one of its kind")
    usd = ExactField(null=True, help_text="what it is worth in USD; empty: not known")
    assignee = models.TextField(help_text="who looks after it; empty: nobody")
    seen_seq = models.BigIntegerField(help_text="the event that it was last seen anew with")
    seen_at = models.DateTimeField(help_text="when it was last seen anew")
    needs_two = models.TextField(help_text="why one person cannot close it; empty: one can, or nobody asked")
    asked_by = models.TextField(help_text="who asked to close it")
    approved_by = models.TextField(help_text="the second person")
    body = models.JSONField(help_text="the whole break")

    class Meta:
        ordering = ["-seen_seq"]
        default_permissions = []
        constraints = [
            models.UniqueConstraint(fields=["break_id", "from_seq"], name="reconciliation_break_version"),
            models.UniqueConstraint(
                fields=["break_id"], condition=Q(to_seq__isnull=True), name="reconciliation_break_current"
            ),
            models.CheckConstraint(
                name="reconciliation_break_closed_by_somebody",
                condition=~Q(state__in=["healed", "accepted"]) | ~Q(asked_by=""),
            ),
            models.CheckConstraint(
                name="reconciliation_break_closed_by_two",
                condition=~Q(state__in=["healed", "accepted"])
                | Q(needs_two="")
                | (~Q(asked_by="") & ~Q(approved_by="") & ~Q(asked_by=F("approved_by"))),
            ),
        ]
        indexes = [
            models.Index(
                fields=["subject"],
                condition=Q(to_seq__isnull=True, is_watched=True),
                name="reconciliation_break_watched",
            ),
            models.Index(
                fields=["-seen_seq"],
                condition=Q(to_seq__isnull=True, was_found=True),
                name="reconciliation_break_newest",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.break_id} {self.state}"


class Anchor(Version):
    """A balance from which on every change is explained by facts."""

    KEY = ("account", "asset")

    account = models.TextField(db_collation="C", help_text="venue:label")
    asset = models.TextField(db_collation="C", help_text="the asset")
    total = ExactField(help_text="the venue's word at that moment")
    booked = ExactField(help_text="what the log's facts summed to at that moment")
    at = models.DateTimeField(help_text="the moment")
    by = models.TextField(help_text="who set it")
    break_id = models.TextField(help_text="the break that was taken over with it; empty: none")

    class Meta:
        ordering = ["account", "asset", "from_seq"]
        default_permissions = []
        constraints = [
            models.UniqueConstraint(fields=["account", "asset", "from_seq"], name="reconciliation_anchor_version"),
            models.UniqueConstraint(
                fields=["account", "asset"], condition=Q(to_seq__isnull=True), name="reconciliation_anchor_current"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.total} {self.asset}"


class DelegationAnchor(Version):
    """What a custodian mirrors to an account, from which on every change is explained by moves of ours."""

    KEY = ("custodian", "account", "asset")

    custodian = models.TextField(db_collation="C", help_text="who mirrors")
    account = models.TextField(db_collation="C", help_text="venue:label")
    asset = models.TextField(db_collation="C", help_text="the asset")
    total = ExactField(help_text="the custodian's word at that moment")
    log_seq = models.BigIntegerField(help_text="the event after which moves come on top")
    at = models.DateTimeField(help_text="the moment")
    by = models.TextField(help_text="who set it")
    because = models.TextField(help_text="what else explains it; empty: nothing had to be")
    break_id = models.TextField(help_text="the break that was taken over with it; empty: none")

    class Meta:
        ordering = ["custodian", "account", "asset", "from_seq"]
        default_permissions = []
        constraints = [
            models.UniqueConstraint(
                fields=["custodian", "account", "asset", "from_seq"], name="reconciliation_delegation_version"
            ),
            models.UniqueConstraint(
                fields=["custodian", "account", "asset"],
                condition=Q(to_seq__isnull=True),
                name="reconciliation_delegation_current",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.custodian} {self.account} {self.total} {self.asset}"


class HoldingAnchor(Version):
    """What a custodian's wallet holds, from which on every change is explained by facts."""

    KEY = ("custodian", "wallet", "asset")

    custodian = models.TextField(db_collation="C", help_text="who holds it")
    wallet = models.TextField(db_collation="C", help_text="the custodian's name of it")
    asset = models.TextField(db_collation="C", help_text="the asset")
    total = ExactField(help_text="the custodian's word at that moment")
    log_seq = models.BigIntegerField(help_text="the event after which facts come on top")
    at = models.DateTimeField(help_text="the moment")
    by = models.TextField(help_text="who set it")
    break_id = models.TextField(help_text="the break that was taken over with it; empty: none")

    class Meta:
        ordering = ["custodian", "wallet", "asset", "from_seq"]
        default_permissions = []
        constraints = [
            models.UniqueConstraint(
                fields=["custodian", "wallet", "asset", "from_seq"], name="reconciliation_holding_version"
            ),
            models.UniqueConstraint(
                fields=["custodian", "wallet", "asset"],
                condition=Q(to_seq__isnull=True),
                name="reconciliation_holding_current",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.custodian} {self.wallet} {self.total} {self.asset}"


class BreakDesk(models.Model):
    """What people may do about breaks."""

    class Meta:
        managed = False
        default_permissions = []
        permissions = [
            ("work_break", "Can assign, investigate and explain breaks"),
            ("close_break", "Can heal and accept breaks"),
        ]
