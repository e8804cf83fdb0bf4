"""Minting: whether mint and redeem are open, and who may open them again.  event x Minting -> Minting"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, assert_never

from hedgeapp.core.events.halts import EVERYWHERE
from hedgeapp.core.events.minting import MintingPaused, MintingResumeAsked, MintingResumed, PauseCause
from hedgeapp.core.records import record
from portfolio.core.halts import Halts

MintingEvent = MintingPaused | MintingResumeAsked | MintingResumed

ENGINE: Final = "engine"  # who pauses and resumes by itself
WHO_RESUMES: Final = {
    "engine": "it ends by itself when its cause is gone",
    "one": "one person with the role risk or approver resumes",
    "two": "two people with the role risk or approver resume",
}


@record
class Pause:
    """A pause in force: told by event `seq`; `asked` is the first of two people who wants it to end."""

    paused: MintingPaused
    seq: int
    asked: MintingResumeAsked | None = None

    @property
    def pause_id(self) -> str:
        return self.paused.pause_id

    @property
    def who_resumes(self) -> str:
        """Who ends it, in words."""
        return WHO_RESUMES[self.paused.resumed_by]


class Minting:
    """The pauses in force, by id; open without any. Mutable, owned by a book."""

    __slots__ = ("_of_id",)

    def __init__(self, pauses: Iterable[Pause] = ()) -> None:
        self._of_id = {pause.pause_id: pause for pause in pauses}

    def __iter__(self) -> Iterator[Pause]:
        return iter(self._of_id.values())

    def __len__(self) -> int:
        return len(self._of_id)

    def get(self, pause_id: str) -> Pause | None:
        """Return a pause that is in force."""
        return self._of_id.get(pause_id)

    def of(self, cause: PauseCause) -> Pause | None:
        """Return the pause for a cause, or None."""
        return next((pause for pause in self._of_id.values() if pause.paused.cause == cause), None)

    def apply(self, event: MintingEvent, seq: int) -> str:
        """Fold an event; return a sentence where it contradicts what is known, else nothing."""
        if isinstance(event, MintingPaused):
            if (known := self.of(event.cause)) is not None:
                return (
                    f"one pause for {event.cause} expected, found {known.pause_id} in force: {event.pause_id} is none"
                )
            self._of_id[event.pause_id] = Pause(paused=event, seq=seq)
            return ""
        pause = self._of_id.get(event.pause_id)
        if pause is None:
            return f"{type(event).__name__} of a pause that is not in force: {event.pause_id}"
        match event:
            case MintingResumeAsked():
                self._of_id[pause.pause_id] = replace(pause, asked=event)
            case MintingResumed():
                if said := refusal(pause, by=event.by, asked_by=event.asked_by):
                    return f"{said}: {event.pause_id} stays"
                del self._of_id[pause.pause_id]
            case _:
                assert_never(event)
        return ""


@record
class Standing:
    """Whether mint and redeem are open: not while a pause or a halt is in force, nor while a source is starting.

    `halts` are in words; a halt closes them at once, before the engine has written its pause. `starting` are sources.
    """

    pauses: tuple[Pause, ...] = ()
    halts: tuple[str, ...] = ()
    starting: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        return not self.pauses and not self.halts and not self.starting

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return by whom or what they are closed, and why."""
        begun = (f"starting: {', '.join(self.starting)} has just begun",) if self.starting else ()
        return (*self.halts, *(f"{one.paused.by}: {one.paused.reason}" for one in self.pauses), *begun)


def standing(minting: Minting, halts: Halts, starting: tuple[str, ...] = ()) -> Standing:
    """Return whether mint and redeem are open; `starting` are the sources that have just begun."""
    said = (
        f"HALT {'everywhere' if one.declared.scope == EVERYWHERE else 'at ' + one.declared.scope} "
        f"by {one.declared.by}: {one.declared.reason}"
        for one in halts
    )
    return Standing(pauses=tuple(minting), halts=tuple(said), starting=starting)


def refusal(pause: Pause, *, by: str, asked_by: str = "") -> str:
    """Return why somebody may not end a pause; empty when he may. Roles are not known here."""
    match pause.paused.resumed_by:
        case "engine":
            return "" if by == ENGINE else f"the engine expected to end a pause for {pause.paused.cause}, found {by}"
        case "one":
            return "" if by not in ("", ENGINE) else f"a person expected to resume, found {by or 'nobody'}"
        case "two":
            asked = pause.asked.by if pause.asked else ""
            is_by_two = asked not in ("", ENGINE, by) and asked == asked_by and by not in ("", ENGINE)
            found = f"asked by {asked or 'nobody'} and approved by {by or 'nobody'}"
            return "" if is_by_two else f"two people expected to resume, found {found}"
        case _:
            assert_never(pause.paused.resumed_by)
