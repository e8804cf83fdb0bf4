"""Records: the one way to declare an immutable value, and a lighter one for facts.  type -> frozen struct"""

from dataclasses import MISSING, dataclass
from typing import Any, TypeVar, dataclass_transform

import msgspec
from msgspec import Struct, StructMeta

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Make a class a frozen record whose fields are given by name only.

    It is a dataclass to all who use it and a struct of msgspec inside, which is made in a fifth of the time and, read
    from JSON, refuses fields that it does not know (docs/decisions/0041).
    """
    return _struct(cls)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def fact(cls: type[T]) -> type[T]:
    """Make a class a record that is read by the million: an event of the log, a mark of the board.

    It must hold no cycles: the garbage collector never looks at it.
    """
    return _struct(cls, is_watched=False)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def sparse_fact(cls: type[T]) -> type[T]:
    """Make a class a fact that is written without the fields that have their defaults: it may grow, its bytes stay."""
    return _struct(cls, is_watched=False, is_sparse=True)


def _struct(cls: type[T], *, is_watched: bool = True, is_sparse: bool = False) -> type[T]:
    body = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    fields = vars(dataclass(kw_only=True)(cls))["__dataclass_fields__"]
    made_by = {
        name: msgspec.field(default_factory=field.default_factory)
        for name, field in fields.items()
        if field.default_factory is not MISSING
    }
    described = {**body, **made_by, "__dataclass_fields__": fields}
    bases = (Struct, *(base for base in cls.__bases__ if base is not object))
    made: Any = StructMeta(
        cls.__name__,
        bases,
        described,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        gc=is_watched,
        omit_defaults=is_sparse,
    )
    return made  # type: ignore[no-any-return]
