"""Why the net asset value changed: minute by minute for some days, and day by day for as long as there is a log.

Only `portfolio.accountant` writes them. Amounts are text, because they have all their digits; parts are JSON.
"""

from django.db import models


class AttributedMinute(models.Model):
    """A change of the net asset value, from the first marks of one minute to those of another."""

    to_seq = models.BigIntegerField(primary_key=True, help_text="the last event of the log that is in it")
    from_seq = models.BigIntegerField(help_text="the last event that is in the minute before")
    at = models.DateTimeField(help_text="the time of the marks at its end")
    from_at = models.DateTimeField(help_text="the time of the marks at its beginning")
    before = models.TextField(help_text="the net asset value at its beginning, in USD")
    after = models.TextField(help_text="the net asset value at its end, in USD")
    rest = models.TextField(help_text="what of the change no fact explains, in USD")
    lines = models.TextField(help_text="the change by line, in USD, as JSON")
    parts = models.TextField(help_text="the parts of the lines, as JSON")
    missing = models.TextField(help_text="the units that no fact explains, as JSON")

    class Meta:
        ordering = ["to_seq"]
        indexes = [models.Index(fields=["at"], name="portfolio_minute_at")]
        verbose_name_plural = "attributed minutes"

    def __str__(self) -> str:
        return f"minute up to {self.at.isoformat()}"


class AttributedDay(models.Model):
    """All minutes of a day in UTC, summed; and what had been earned when it began."""

    day = models.DateField(primary_key=True, help_text="in UTC; a minute is of the day in which it ends")
    to_seq = models.BigIntegerField(help_text="the last event of the log that is in it")
    at = models.DateTimeField(help_text="the time of the latest marks in it")
    before = models.TextField(help_text="the net asset value at its beginning, in USD")
    after = models.TextField(help_text="the net asset value at its end, or as of now, in USD")
    rest = models.TextField(help_text="what of the change no fact explains, in USD")
    parts = models.TextField(help_text="the parts of its minutes, summed, as JSON")
    earlier = models.TextField(help_text="the parts of all days before it, summed, as JSON")
    earlier_rest = models.TextField(help_text="the rest of all days before it, in USD")
    opening = models.TextField(help_text="what positions had earned when it began, as JSON")

    class Meta:
        ordering = ["day"]
        verbose_name_plural = "attributed days"

    def __str__(self) -> str:
        return f"day {self.day.isoformat()}"
