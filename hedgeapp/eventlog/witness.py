"""Witness: who a piece of work is done for, who adds his word to whatever it puts into the log."""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Final

from hedgeapp.core.events import Event

SEQS_MAX: Final = 100  # events of one append that a word is told of

Word = Callable[[tuple[int, ...]], Event | None]

_word: ContextVar[Word | None] = ContextVar("eventlog_word", default=None)


def begin(word: Word) -> None:
    """Have `word` asked, in this context, for an event that goes with each append, in the same transaction."""
    _word.set(word)


def end() -> None:
    """Ask nobody any more."""
    _word.set(None)


def word(seqs: Sequence[int]) -> Event | None:
    """Return what is to be said of events that are being appended, if anything is."""
    said = _word.get()
    return said(tuple(seqs[:SEQS_MAX])) if said and seqs else None
