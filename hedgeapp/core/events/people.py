"""Events of people: who may come in with which roles; more for anybody takes two others, less takes one.  (records)"""

from datetime import datetime

from hedgeapp.core.events.api_keys import ApiKeyEvent
from hedgeapp.core.events.approvals import Assertion
from hedgeapp.core.events.passkeys import PasskeyEvent
from hedgeapp.core.events.sources import SourceEvent
from hedgeapp.core.records import fact


@fact
class PersonChangeProposed:
    """The first of two people wants somebody to have these roles, all of them, from now on, and to come in or not.

    `assertion` is over the proposal's hash (`hedgeapp.core.person_payloads`).
    """

    at: datetime
    change_id: str
    person: str
    roles: tuple[str, ...]
    is_active: bool
    by: str
    reason: str
    assertion: Assertion | None = None

    @property
    def key(self) -> str:
        return f"person-change-proposed:{self.change_id}"


@fact
class PersonChangeAgreed:
    """The second of two people agrees, by a signature over the agreement's hash; it holds after its cool-off."""

    at: datetime
    change_id: str
    person: str
    by: str
    holds_from: datetime
    assertion: Assertion | None = None

    @property
    def key(self) -> str:
        return f"person-change-agreed:{self.change_id}"


@fact
class PersonChangeDropped:
    """A change that does not hold yet will not come."""

    at: datetime
    change_id: str
    person: str
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"person-change-dropped:{self.change_id}"


@fact
class PersonChanged:
    """Somebody has these roles and no others from now on.

    `agreed_by` is empty where one person was enough: what only takes away, and what the console may still give.
    """

    at: datetime
    change_id: str
    person: str
    roles: tuple[str, ...]
    is_active: bool
    by: str
    agreed_by: str
    reason: str

    @property
    def key(self) -> str:
        return f"person-changed:{self.change_id}"


PersonEvent = PersonChangeProposed | PersonChangeAgreed | PersonChangeDropped | PersonChanged
AccessEvent = PasskeyEvent | PersonEvent | SourceEvent | ApiKeyEvent
