"""Witness: which events a piece of work put into the log, for whoever tells on whose behalf it was done."""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Final

from hedgeapp.core.events import Recorded

SEQS_MAX: Final = 100  # events that are remembered of one piece of work

_seqs: ContextVar[list[int] | None] = ContextVar("eventlog_seqs", default=None)


def begin() -> list[int]:
    """Begin to listen in this context, and return the list that fills up."""
    heard: list[int] = []
    _seqs.set(heard)
    return heard


def end() -> None:
    """Stop to listen."""
    _seqs.set(None)


def tell(taken: Sequence[Recorded]) -> None:
    """Say what was appended; a transaction that is rolled back later takes it out of the log, but not from here."""
    heard = _seqs.get()
    if heard is not None:
        heard.extend(recorded.seq for recorded in taken[: SEQS_MAX - len(heard)])
