"""The tables of the log: its events, who holds which service, dumped states to rebuild from, and the sink's word."""

from django.db import models


class LoggedEvent(models.Model):
    """An event as it is stored; written by `append` only, never through Django."""

    seq = models.BigIntegerField(primary_key=True, help_text="place in the total order, from 1, without a gap")
    recorded_at = models.DateTimeField(help_text="when the log took it")
    kind = models.TextField(help_text="name of the event's record")
    key = models.TextField(unique=True, help_text="the source's own identity of the fact; a second one is dropped")
    body = models.BinaryField(help_text="the event as JSON, exactly as it was hashed")
    hash = models.BinaryField(help_text="SHA-256 over the previous row's hash and this row (eventlog/chain.py)")

    class Meta:
        managed = False
        db_table = "eventlog_event"
        ordering = ["-seq"]
        verbose_name = "event"

    def __str__(self) -> str:
        return f"{self.seq} {self.key}"


class Epoch(models.Model):
    """Who holds a service; every takeover raises the epoch, and the log refuses older ones."""

    service = models.CharField(max_length=100, primary_key=True, help_text="name of the service")
    lock_id = models.BigIntegerField(help_text="second key of the service's advisory lock")
    epoch = models.BigIntegerField(help_text="number of takeovers")
    holder = models.CharField(max_length=200, help_text="host and process that took it last")
    backend_pid = models.IntegerField(help_text="PostgreSQL backend of the holder's lock connection")
    heartbeat_at = models.DateTimeField(help_text="when the holder last proved that it lives")
    wanted_by = models.CharField(max_length=200, blank=True, help_text="a worker that is meant for it and asks for it")
    wanted_at = models.DateTimeField(help_text="when that worker asked last")

    class Meta:
        ordering = ["service"]

    def __str__(self) -> str:
        return f"{self.service}@{self.epoch}"


class Snapshot(models.Model):
    """A state as of a seq, so that a rebuild need not begin at the first event; disposable."""

    name = models.CharField(max_length=100, help_text="which state")
    seq = models.BigIntegerField(help_text="the last event that is in it")
    hash = models.BinaryField(help_text="the log's hash at that event; a snapshot of another log is refused")
    version = models.CharField(max_length=64, help_text="version of the code that dumped it; another one is refused")
    state = models.BinaryField(help_text="the dumped state")
    taken_at = models.DateTimeField(help_text="when it was dumped")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "seq"], name="eventlog_snapshot_once")]
        ordering = ["name", "-seq"]

    def __str__(self) -> str:
        return f"{self.name}@{self.seq}"


class SecondStore(models.Model):
    """What the sink said last; only to show and to alert, for the sink itself looks at what it holds."""

    name = models.CharField(max_length=20, primary_key=True, help_text="which sink")
    url = models.CharField(max_length=500, help_text="where it keeps its segments")
    seq = models.BigIntegerField(help_text="the last event that it holds")
    stored_at = models.DateTimeField(help_text="when it said so")
    trouble = models.CharField(max_length=1000, blank=True, help_text="what hinders it, empty when nothing does")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name}@{self.seq}"
