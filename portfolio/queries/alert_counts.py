"""Alert counts: how many alerts stand and wait, for the header of every page, and whether anybody watches at all."""

from datetime import datetime, timedelta
from typing import Final

from hedgeapp.core.events.alerts import Severity
from hedgeapp.core.records import record
from hedgeapp.eventlog.models import Epoch
from portfolio.core.alerts import SEVERITIES, Alert
from portfolio.queries.books import FOLLOWING

CALLED_SHOWN: Final = 20  # open alerts that a page is told of by name
WATCHED_WITHIN: Final = timedelta(seconds=10)  # a heartbeat of the engine, who watches


@record
class AlertCounts:
    """How many alerts are open, by severity; `standing` are those that somebody took or that are quiet.

    `called` are the open ones, the worst first, at most `CALLED_SHOWN`. Nobody watches while the engine is away.
    """

    critical: int
    warning: int
    notice: int
    standing: int
    called: tuple[Alert, ...]
    is_watched: bool

    @property
    def open_count(self) -> int:
        return self.critical + self.warning + self.notice

    @property
    def level(self) -> str:
        """Return how loud the badge is."""
        if not self.is_watched or self.critical:
            return "bad"
        return "warn" if self.warning else "idle"


def alert_counts(at: datetime) -> AlertCounts:
    """Return the counts as of the log's head."""
    with FOLLOWING.held() as book:
        alerts = tuple(book.alerts)
    called = [one for one in alerts if one.state(at) == "open"]
    called.sort(key=lambda one: (-SEVERITIES[one.severity], one.opened.at))
    counts: dict[Severity, int] = {name: sum(one.severity == name for one in called) for name in SEVERITIES}
    heard = Epoch.objects.filter(service="engine").values_list("heartbeat_at", flat=True).first()
    return AlertCounts(
        **counts,
        standing=len(alerts) - len(called),
        called=tuple(called[:CALLED_SHOWN]),
        is_watched=heard is not None and at - heard <= WATCHED_WITHIN,
    )
