"""Events of people: who came and left, acted, was refused, took data out; from where, and seeing what.  (records)

What a person changed is told by the events of that; `PersonActed` adds where it was asked from and what was on the
screen. What may come in floods is told once a minute: its key has the minute, and so does the log refuse a second one.
"""

from datetime import datetime
from typing import Final, Literal

from hedgeapp.core.records import fact

MORE: Final = "*"  # instead of an address or a path: there were more of them in this minute than are told one by one

CameBy = Literal["password", "link"]
CodesChange = Literal["made", "confirmed"]


@fact
class PersonCame:
    """Somebody logged in."""

    at: datetime
    person: str
    came_by: CameBy
    from_address: str

    @property
    def key(self) -> str:
        return f"person-came:{self.person}:{_microseconds(self.at)}"


@fact
class PersonLeft:
    """Somebody logged out."""

    at: datetime
    person: str
    from_address: str

    @property
    def key(self) -> str:
        return f"person-left:{self.person}:{_microseconds(self.at)}"


@fact
class PersonKeptOut:
    """Somebody was not let in: told once a minute for each address.

    `person` is the name that was tried, empty unless somebody has it: a password may be typed there by mistake.
    `attempts` are those on this name or from this address that count by now.
    """

    at: datetime
    person: str
    from_address: str
    because: str
    attempts: int

    @property
    def key(self) -> str:
        return f"person-kept-out:{_minute(self.at)}:{self.from_address}"


@fact
class PasswordChanged:
    """A person's password is another one."""

    at: datetime
    person: str
    by: str
    from_address: str

    @property
    def key(self) -> str:
        return f"password-changed:{self.person}:{_microseconds(self.at)}"


@fact
class CodesChanged:
    """A person has new codes of six digits, which wait; or another person signed for them."""

    at: datetime
    person: str
    by: str
    change: CodesChange
    from_address: str

    @property
    def key(self) -> str:
        return f"codes-changed:{self.person}:{self.change}:{_microseconds(self.at)}"


@fact
class PersonActed:
    """Somebody sent a form and it was done: `seqs` are the events of it.

    `path` is where it was sent to. `seen_seq` is the last event that the page showed, by the browser's word; 0 when it
    did not say.
    """

    at: datetime
    by: str
    from_address: str
    path: str
    seen_seq: int
    seqs: tuple[int, ...]

    @property
    def key(self) -> str:
        return f"person-acted:{_minute(self.at)}:{self.by}:{_microseconds(self.at)}"


@fact
class PersonDenied:
    """Somebody asked for what his roles do not allow: told once a minute for each person and path."""

    at: datetime
    by: str
    from_address: str
    method: str
    path: str
    seen_seq: int

    @property
    def key(self) -> str:
        return f"person-denied:{_minute(self.at)}:{self.by}:{self.method} {self.path}"


@fact
class DataExported:
    """Somebody took data out as a file: told once a minute for each person and address of the file."""

    at: datetime
    by: str
    from_address: str
    path: str

    @property
    def key(self) -> str:
        return f"data-exported:{_minute(self.at)}:{self.by}:{self.path}"


@fact
class PersonCalled:
    """A channel took word for somebody of what waits for him; `subject` names it, like `move:mv…`.  Told once."""

    at: datetime
    person: str
    subject: str
    channel: str

    @property
    def key(self) -> str:
        return f"person-called:{self.subject}:{self.person}:{self.channel}"


DoorEvent = (
    PersonCame
    | PersonLeft
    | PersonKeptOut
    | PasswordChanged
    | CodesChanged
    | PersonActed
    | PersonDenied
    | DataExported
    | PersonCalled
)


def _minute(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M}"


def _microseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)
