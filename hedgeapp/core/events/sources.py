"""Events of sources: where we speak to, and with which keys; both change by two people, after a cool-off.  (records)"""

from datetime import datetime

from hedgeapp.core.events.approvals import Assertion
from hedgeapp.core.records import fact
from hedgeapp.core.reference import Chain, Custodian, Oracle, Venue


@fact
class SourceChangeProposed:
    """The first of two people wants a source to be so, or keys to be used; one of them is filled.

    `what` names the row, like `venue:binance-usdm` or `credential:ceffu:trade`; `version` is the row's next one, 0 for
    keys. Keys never enter the log: `fingerprint` is the SHA-256 of the API key, hexadecimal.
    """

    at: datetime
    change_id: str
    what: str
    version: int
    by: str
    reason: str
    venue: Venue | None = None
    custodian: Custodian | None = None
    chain: Chain | None = None
    fingerprint: str = ""
    oracle: Oracle | None = None

    @property
    def key(self) -> str:
        return f"source-change-proposed:{self.change_id}"


@fact
class SourceChangeAgreed:
    """The second of two people agrees, by a signature; it holds after its cool-off."""

    at: datetime
    change_id: str
    what: str
    by: str
    holds_from: datetime
    assertion: Assertion

    @property
    def key(self) -> str:
        return f"source-change-agreed:{self.change_id}"


@fact
class SourceChangeDropped:
    """A change that does not hold yet will not come; `said` is why."""

    at: datetime
    change_id: str
    what: str
    by: str
    said: str

    @property
    def key(self) -> str:
        return f"source-change-dropped:{self.change_id}"


@fact
class CredentialChanged:
    """Other keys of an account or custodian are used from now on.

    `agreed_by` is empty where the console set them, from a file that only the installation's own people can write.
    """

    at: datetime
    change_id: str
    holder: str
    purpose: str
    fingerprint: str
    by: str
    agreed_by: str

    @property
    def key(self) -> str:
        return f"credential-changed:{self.change_id}"


SourceEvent = SourceChangeProposed | SourceChangeAgreed | SourceChangeDropped | CredentialChanged
