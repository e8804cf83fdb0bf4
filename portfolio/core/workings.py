"""Workings: what was made of some inputs, kept while they stay.  name x inputs x make -> result

The engine measures the same book many times a second, and between two times one mark or one fill has changed. What
depends on it is made anew; all else is found here, because its inputs are equal to those of the last time. Nobody has
to say what a change touches, so nothing can be forgotten: a result is a function of its inputs, or it is not kept.
"""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Workings:
    """The latest result under each name; for one book, from one measurement to the next."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[tuple[Any, ...], Any]] = {}

    def of(self, name: Hashable, inputs: tuple[Any, ...], make: Callable[[], T]) -> T:
        """Return what `make` returns, which must follow from `inputs` alone; it is called only when they changed.

        Inputs are compared by `==`: whatever can change by itself is given by its value, not by its object.
        """
        kept = self._kept.get(name)
        if kept is not None and kept[0] == inputs:
            return cast(T, kept[1])
        made = make()
        self._kept[name] = inputs, made
        return made
