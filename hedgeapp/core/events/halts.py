"""Events of halting: no new risk until two people let it go on.  (records)"""

from datetime import datetime
from typing import Final

from hedgeapp.core.records import fact

EVERYWHERE: Final = "*"  # the scope of a halt of all venues


@fact
class HaltDeclared:
    """Somebody stopped new risk; `scope` is a venue, or EVERYWHERE."""

    at: datetime
    halt_id: str
    scope: str
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"halt-declared:{self.halt_id}"


@fact
class HaltTookHold:
    """The venues' word that nothing of the halt's scope is left working that may add risk; `canceled` were."""

    at: datetime
    halt_id: str
    canceled: int

    @property
    def key(self) -> str:
        return f"halt-took-hold:{self.halt_id}"


@fact
class ResumeAsked:
    """The first of two people wants the halt lifted."""

    at: datetime
    halt_id: str
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"resume-asked:{self.halt_id}:{self.by}"


@fact
class HaltLifted:
    """The second of two people lifted the halt."""

    at: datetime
    halt_id: str
    asked_by: str
    approved_by: str

    @property
    def key(self) -> str:
        return f"halt-lifted:{self.halt_id}"
