"""Events of scenarios: one that was saved by a name, dropped, or told to run on the live book.  (records)"""

from datetime import datetime

from hedgeapp.core.records import fact


@fact
class ScenarioSaved:
    """What a scenario is asked for has a name from now on; `asked` is what its link says."""

    at: datetime
    scenario: str
    asked: str
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"scenario-saved:{self.scenario}:{self.at:%Y%m%dT%H%M%S.%f}"


@fact
class ScenarioDropped:
    """A saved scenario is no more; its name is free."""

    at: datetime
    scenario: str
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"scenario-dropped:{self.scenario}:{self.at:%Y%m%dT%H%M%S.%f}"


@fact
class ScenarioMarked:
    """From now on a saved scenario runs on the live book each minute, or it does not any more."""

    at: datetime
    scenario: str
    is_standing: bool
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"scenario-marked:{self.scenario}:{self.at:%Y%m%dT%H%M%S.%f}"
