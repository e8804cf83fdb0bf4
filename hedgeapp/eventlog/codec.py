"""Codec: an event to the bytes that the log keeps, and back.

The body is compact JSON in the order of the record's fields: decimals are strings, exact to the digit; times are
RFC 3339. What this version cannot read whole (a kind or a field it does not know) is refused, never half read.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from hedgeapp.core.events import KINDS, Event

LISTS = (inspect.VarTupleType, inspect.ListType)


class UnknownKind(ValueError):
    """The log holds a kind of event that this version does not know."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"a kind of event known to this version expected, found {kind!r}: run the version that wrote it"
        )


class UnknownField(ValueError):
    """An event holds fields that this version does not know."""

    def __init__(self, kind: str, fields: list[str]) -> None:
        super().__init__(
            f"fields of {kind} known to this version expected, found {', '.join(fields)}: run the newer version"
        )


class BodyIsMalformed(ValueError):
    """The bytes are not an event of their kind."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(f"the body of a {kind} expected, found other bytes: {reason}")


class TimeHasNoZone(ValueError):
    """An event's time does not say which zone it is in."""

    def __init__(self, event: Event) -> None:
        super().__init__(f"a time with a zone expected in `at`, found {event.at.isoformat()} in {event.key}")


encode_body = msgspec.json.Encoder().encode


def encode(event: Event) -> tuple[str, bytes]:
    """Return an event's kind and body."""
    kind = type(event).__name__
    if KINDS.get(kind) is not type(event):
        raise UnknownKind(kind)
    if event.at.tzinfo is None:
        raise TimeHasNoZone(event)
    return kind, encode_body(event)


def decode(kind: str, body: bytes) -> Event:
    """Return the event of a kind and a body; refuse with UnknownKind, UnknownField or BodyIsMalformed."""
    if kind not in DECODERS:
        raise UnknownKind(kind)
    try:
        event: Event = DECODERS[kind](body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if unknown := _unknown(kind, body):
            raise UnknownField(kind, unknown) from error
        raise BodyIsMalformed(kind, str(error)) from error
    return event


def _unknown(kind: str, body: bytes) -> list[str]:
    """Return the paths of the fields in a body that its kind has no place for."""
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    return list(dict.fromkeys(_without_place(given, inspect.type_info(KINDS[kind]), "")))


def _without_place(given: Any, of: inspect.Type, path: str) -> Iterator[str]:
    if isinstance(of, inspect.UnionType):
        of = next((member for member in of.types if isinstance(member, inspect.StructType)), of)
    if isinstance(of, LISTS) and isinstance(given, list):
        for one in given:
            yield from _without_place(one, of.item_type, path)
    elif isinstance(of, inspect.StructType) and isinstance(given, dict):
        places = {field.encode_name: field.type for field in of.fields}
        for name, value in given.items():
            if name not in places:
                yield path + name
            else:
                yield from _without_place(value, places[name], f"{path}{name}.")


DECODERS = {name: msgspec.json.Decoder(kind).decode for name, kind in KINDS.items()}
