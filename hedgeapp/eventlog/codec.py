"""Codec: an event to the bytes that the log keeps, and back.

The body is compact JSON in the order of the record's fields: decimals are strings, exact to the digit; times are
RFC 3339. What this version cannot read whole (a kind or a field it does not know) is refused, never half read.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from hedgeapp.core.events import KINDS, Event

_NESTED = (
    msgspec.inspect.DataclassType,
    msgspec.inspect.VarTupleType,
    msgspec.inspect.TupleType,
    msgspec.inspect.ListType,
    msgspec.inspect.DictType,
)


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
    decoder = DECODERS.get(kind)
    if decoder is None:
        raise UnknownKind(kind)
    return decoder(body)


def _strict(kind: type[Any]) -> Callable[[bytes], Event]:
    """Build a decoder that lets no unknown field pass, which msgspec's own does for dataclasses."""
    read, name = msgspec.json.Decoder(kind).decode, kind.__name__
    commas = _commas(kind)

    def decoded(body: bytes) -> Event:
        try:
            event: Event = read(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BodyIsMalformed(name, str(error)) from error
        if not (commas and body.count(b",") == commas(event)) and encode_body(event) != body:
            unknown = _unknown(msgspec.json.decode(body), msgspec.to_builtins(event), "")
            if unknown:
                raise UnknownField(name, unknown)
        return event

    return decoded


def _commas(kind: type[Any]) -> Callable[[Any], int] | None:
    """Return how many commas a body of this kind has if it holds no unknown field; None where that proves nothing.

    It does where every field is required, and those that have fields of their own are flat records in a tuple: between
    n fields there are n − 1 commas. A comma in a text only costs a closer look.
    """
    own, flat, lists = 0, _flat(kind), dict[str, int]()
    for field in msgspec.inspect.type_info(kind).fields:  # type: ignore[attr-defined]
        of = field.type
        if isinstance(of, msgspec.inspect.VarTupleType) and isinstance(of.item_type, msgspec.inspect.DataclassType):
            lists[field.name] = _flat(of.item_type.cls)
        elif not field.required or _is_nested(of):
            return None
        own += 1
    if flat:
        return lambda _: flat
    if not all(lists.values()):
        return None
    return lambda event: own - 1 + sum(max(0, len(getattr(event, name)) * (of + 1) - 1) for name, of in lists.items())


def _flat(kind: type[Any]) -> int:
    """Return the commas of a record whose fields are all required and have none of their own, else 0."""
    fields = msgspec.inspect.type_info(kind).fields  # type: ignore[attr-defined]
    return len(fields) - 1 if all(field.required and not _is_nested(field.type) for field in fields) else 0


def _is_nested(found: msgspec.inspect.Type) -> bool:
    if isinstance(found, msgspec.inspect.UnionType):
        return any(_is_nested(member) for member in found.types)
    return isinstance(found, _NESTED)


def _unknown(given: Any, known: Any, path: str) -> list[str]:
    """Return the paths of fields in `given` that `known` has no place for."""
    if isinstance(given, dict) and isinstance(known, dict):
        here = [path + name for name in given if name not in known]
        return here + [
            found for name in given if name in known for found in _unknown(given[name], known[name], f"{path}{name}.")
        ]
    if isinstance(given, list) and isinstance(known, list | tuple):
        return sorted({found for one, other in zip(given, known, strict=True) for found in _unknown(one, other, path)})
    return []


# How bodies of most kinds are read at once: msgspec's decoder, and the number of commas at which it is enough.
COUNTED = {name: (msgspec.json.Decoder(kind).decode, _flat(kind)) for name, kind in KINDS.items() if _flat(kind)}
DECODERS = {name: _strict(kind) for name, kind in KINDS.items()}
