"""Frames that were shown, one a second: what any number on a past screen can be computed again from."""

from django.db import models


class FrameTaken(models.Model):
    """A frame as it was shown; the marks it was valued with are in the log, in the `MarksTaken` of its second."""

    number = models.BigIntegerField(primary_key=True, help_text="the frame's number; grows, with jumps at a takeover")
    at = models.DateTimeField(help_text="when it was shown")
    seq = models.BigIntegerField(help_text="the last event of the log that is in it")
    net = models.JSONField(help_text="net exposure by currency, in units of it, as text; null where it was not known")
    price = models.JSONField(help_text="index price by currency, in the quote of its contracts, as text; null likewise")

    class Meta:
        ordering = ["at"]
        indexes = [models.Index(fields=["at"], name="portfolio_frame_at")]
        verbose_name_plural = "frames taken"

    def __str__(self) -> str:
        return f"frame {self.number} at {self.at.isoformat()}"
