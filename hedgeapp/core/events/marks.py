"""Events of valuation: the marks that the book was valued with.  (records)"""

from datetime import datetime

from hedgeapp.core.marks import Mark
from hedgeapp.core.records import fact


@fact
class MarksTaken:
    """All marks in use at one moment, taken once a second."""

    at: datetime
    marks: tuple[Mark, ...]

    @property
    def key(self) -> str:
        return f"marks:{int(self.at.timestamp())}"
