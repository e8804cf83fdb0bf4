"""Deeds: what of the log people did, who they were, and to what they did it.  Event -> Deed

Whatever kind of event names a person in one of `PERSON_FIELDS` is a deed, so that a new kind need not be listed.
"""

from typing import Any, Final

from hedgeapp.core.events import KINDS, Event
from hedgeapp.core.events.door import PersonDenied, PersonKeptOut
from hedgeapp.core.records import record
from portfolio.core.minting import ENGINE

PERSON_FIELDS: Final = ("by", "person", "user", "asked_by", "agreed_by", "approved_by")
# What an event is about, by the field that names it, and the page that shows it; the first field that it has counts.
_PAGES: Final = (
    ("client_order_id", "order", "/orders/{}/"),
    ("break_id", "break", "/breaks/{}/"),
    ("move_id", "move", "/moves/{}/"),
    ("halt_id", "halt", "/halt/"),
    ("pause_id", "pause", "/prices/"),
    ("alert_id", "alert", "/alerts/"),
    ("cause", "suspension for", "/data/suspensions/"),
    ("scenario", "scenario", "/scenarios/#saved"),
    ("change_id", "gate", "/gate/"),
    ("credential_id", "passkey", "/login/keys/"),
)
DEED_KINDS: Final = tuple(
    sorted(name for name, kind in KINDS.items() if not set(PERSON_FIELDS).isdisjoint(kind.__struct_fields__))
)


@record
class Deed:
    """Something that people did.

    `about` names it in a word and by its id, `page` shows it; both are empty where the event says all. `from_address`
    and `seen_seq` are the event's own, where it has them. `is_refusal` is whether nothing came of it.
    """

    people: tuple[str, ...]
    about: str
    page: str
    from_address: str
    seen_seq: int
    is_refusal: bool


def deed(event: Event) -> Deed:
    """Return what an event says of people; nobody, when it is no deed."""
    about, page = _about(event)
    return Deed(
        people=tuple(dict.fromkeys(_people(event))),
        about=about,
        page=page,
        from_address=getattr(event, "from_address", ""),
        seen_seq=getattr(event, "seen_seq", 0),
        is_refusal=isinstance(event, PersonDenied | PersonKeptOut),
    )


def _people(event: Event) -> list[str]:
    found: list[str] = []
    for field in PERSON_FIELDS:
        given: Any = getattr(event, field, "")
        found += [given] if isinstance(given, str) else given
    return [name for name in found if name and name != ENGINE]


def _about(event: Event) -> tuple[str, str]:
    payload = getattr(event, "payload", None)
    for field, word, page in _PAGES:
        name = getattr(event, field, "") or getattr(payload, field, "")
        if name:
            return f"{word} {name}", page.format(name)
    return "", ""
