"""What standing scenarios came to last: only `portfolio.standing` writes it, and the next run takes its place."""

from django.db import models


class StandingResult(models.Model):
    """The last run of a standing scenario."""

    scenario = models.TextField(primary_key=True, help_text="its name")
    at = models.DateTimeField(help_text="when it ran")
    run = models.TextField(help_text="what it came to, as JSON")

    class Meta:
        ordering = ["scenario"]

    def __str__(self) -> str:
        return f"{self.scenario} at {self.at.isoformat()}"
