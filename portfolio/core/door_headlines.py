"""Door headlines: what is said of people who come, go, act and are refused.  DoorEvent -> str"""

from typing import assert_never

from hedgeapp.core.events.door import (
    MORE,
    CodesChanged,
    DataExported,
    DoorEvent,
    PasswordChanged,
    PersonActed,
    PersonCalled,
    PersonCame,
    PersonDenied,
    PersonKeptOut,
    PersonLeft,
)


def door_headline(event: DoorEvent) -> str:
    """Return an event of people in one sentence."""
    match event:
        case PersonCame():
            return f"{event.person} logged in by {event.came_by}"
        case PersonLeft():
            return f"{event.person} logged out"
        case PersonKeptOut():
            where = "further addresses" if event.from_address == MORE else event.from_address
            return f"{event.person or 'an unknown name'} was not let in from {where}: {event.because}"
        case PasswordChanged():
            return f"the password of {event.person} was set by {event.by}"
        case CodesChanged():
            return f"the codes of {event.person} were {event.change} by {event.by}"
        case PersonActed():
            return f"{event.by} sent a form to {event.path}"
        case PersonDenied():
            what = "further pages" if event.path == MORE else f"{event.method} {event.path}"
            return f"{event.by} was denied {what}"
        case DataExported():
            return f"{event.by} exported {'further files' if event.path == MORE else event.path}"
        case PersonCalled():
            return f"{event.person} was told by {event.channel} that {event.subject.replace(':', ' ')} waits for him"
        case _:
            assert_never(event)
