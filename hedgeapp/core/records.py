"""Records: the one way to declare an immutable value.  type -> frozen, slotted, keyword-only dataclass"""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Make a class a frozen, slotted dataclass whose fields are given by name only."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)
