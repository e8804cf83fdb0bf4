"""The cells of the crash matrix: where a process dies, or what else goes wrong, on an order's way."""

from typing import Any, Final, Literal

from hedgeapp.core.records import record

Way = Literal["send", "cancel", "cancel_unsent", "web", "web_cancel", "venue", "stop", "race", "world"]
USDM: Final = "binance-usdm"
LATE_NEWS: Final = {"kind": "delay_stream", "connections": "private", "delay_ms": 3_000, "duration_s": 30}
SILENT: Final = {"kind": "timeout_before", "hold_ms": 100}
SWALLOWED: Final = {"kind": "timeout_after", "hold_ms": 100}
REFUSING: Final = {"kind": "reject", "code": -2019}


@record
class Cell:
    """One way to go wrong. `step` is where the process dies (tests.builders.dying), `faults` are the venue's."""

    way: Way
    words: str
    step: str = ""
    faults: tuple[dict[str, Any], ...] = ()

    @property
    def nonce(self) -> str:
        """Name the cell's ticket."""
        return f"{self.way}: {self.words}"


def _cells(way: Way, *rows: tuple[str, str], faults: tuple[dict[str, Any], ...] = (), when: str = "") -> list[Cell]:
    return [Cell(way=way, step=step, words=f"{when}{words}", faults=faults) for step, words in rows]


# Killed before it was sent: the order is sent by the next worker, if it comes while the intent is young.
UNSENT: Final = _cells(
    "send",
    ("claim.before", "before the row is claimed"),
    ("claim.written", "claim written, not committed"),
    ("claim.after", "row claimed"),
    ("marks.after", "marks read"),
    ("OrderSent.before", "log locked, all checks passed"),
    ("OrderSent.written", "`OrderSent` written, not committed"),
)
SENT: Final = [
    *_cells(
        "send",
        ("send.after", "`OrderSent` committed"),
        ("POST.before", "request signed, not written"),
        ("POST.answered", "answer there, not read"),
        ("OrderAcknowledged.before", "answer read"),
        ("OrderAcknowledged.written", "outcome written, not committed"),
        ("note_seen.after", "outcome committed"),
        ("close.written", "row closed, not committed"),
        ("close.after", "row closed"),
    ),
    *_cells(
        "send",
        ("note_unknown.before", "nothing written"),
        ("OrderOutcomeUnknown.written", "`OrderOutcomeUnknown` written, not committed"),
        ("note_unknown.after", "`OrderOutcomeUnknown` committed"),
        ("put_off.written", "row put off, not committed"),
        ("put_off.after", "row put off"),
        ("GET.before", "about to ask the venue"),
        ("GET.answered", "venue's answer there, not read"),
        ("OrderNeverArrived.written", "`OrderNeverArrived` written, not committed"),
        faults=(SILENT,),
        when="request lost: ",
    ),
    *_cells(
        "send",
        ("GET.before", "about to ask the venue"),
        ("GET.answered", "venue's answer there, not read"),
        ("OrderAcknowledged.written", "outcome written, not committed"),
        faults=(SWALLOWED, LATE_NEWS),
        when="answer lost: ",
    ),
    *_cells(
        "send",
        ("note_rejected.before", "nothing written"),
        ("OrderRejected.written", "`OrderRejected` written, not committed"),
        ("note_rejected.after", "`OrderRejected` committed"),
        faults=(REFUSING,),
        when="refused by the venue: ",
    ),
]
CANCEL: Final = _cells(
    "cancel",
    ("claim.before", "before the row is claimed"),
    ("claim.written", "claim written, not committed"),
    ("claim.after", "row claimed"),
    ("DELETE.before", "request signed, not written"),
    ("DELETE.answered", "answer there, not read"),
    ("note_seen.before", "answer read"),
    ("OrderSeen.written", "outcome written, not committed"),
    ("note_seen.after", "outcome committed"),
    ("close.written", "row closed, not committed"),
    ("close.after", "row closed"),
    faults=(LATE_NEWS,),
)
CANCEL_UNSENT: Final = _cells(
    "cancel_unsent",
    ("OrderRefused.before", "log locked"),
    ("OrderRefused.written", "`OrderRefused` written, not committed"),
    ("refuse.after", "`OrderRefused` committed"),
)
WEB: Final = _cells(
    "web",
    ("OrderIntended.before", "log locked, all checks passed"),
    ("OrderIntended.written", "`OrderIntended` written, not committed"),
    ("wake.before", "intent and row committed, nobody woken"),
)
WEB_CANCEL: Final = _cells(
    "web_cancel",
    ("CancelAsked.written", "`CancelAsked` written, not committed"),
    ("wake.before", "`CancelAsked` and row committed, nobody woken"),
)
VENUE: Final = [
    Cell(way="venue", words=words, faults=faults)
    for words, faults in (
        ("carries it out and never answers", (SWALLOWED,)),
        ("carries it out after 0.4 s, was asked before, and never answers", ({**SWALLOWED, "late_ms": 400},)),
        ("never hears of it", (SILENT,)),
        ("502, carried out", ({"kind": "bad_gateway", "status": 502, "executed": True},)),
        ("502, not carried out", ({"kind": "bad_gateway", "status": 502, "executed": False},)),
        ("503 −1006, carried out", ({"kind": "bad_gateway", "code": -1006, "executed": True},)),
        ("408 −1007, carried out", ({"kind": "bad_gateway", "code": -1007, "executed": True},)),
        ("500 −1001", ({"kind": "reject", "code": -1001},)),
        ("400 −2019, margin is insufficient", (REFUSING,)),
        ("400 −4116, the id is taken", ({"kind": "reject", "code": -4116},)),
        ("429", ({"kind": "too_many", "status": 429, "requests": "order"},)),
        ("the stream keeps the fill to itself", ({"kind": "drop_fill"},)),
        ("the stream tells the fill twice", ({"kind": "duplicate_fill"},)),
    )
]
STOP: Final = [
    Cell(way="stop", step=step, words=words)
    for step, words in (
        ("marks.after", "before `OrderSent`, until another worker sent it"),
        ("POST.before", "before the request is written, until another worker gave it up: the venue refuses it, −1021"),
        ("POST.answered", "after the answer, until another worker wrote the outcome"),
    )
]
GIVEN_UP: Final = STOP[1]
LATE: Final = Cell(
    way="stop",
    step="POST.before",
    words="before the request is written, past its deadline, unseen: the venue refuses it, −1021",
)
RACE: Final = [
    Cell(way="race", words=f"two workers whose leases end all the time, order {number}") for number in range(1, 7)
]
LATE_ANSWER: Final = ({"kind": "delay", "requests": "order", "delay_ms": 1_500, "times": 1},)
WORLD: Final = [
    Cell(way="world", step=step, words=words, faults=faults)
    for step, words, faults in (
        ("duplicated", "each wake-up comes 200 times", ()),
        ("flushed", "FLUSHALL right after the intent", ()),
        ("stopped", "Valkey is stopped from before the intent until after the fill", ()),
        ("killed", "Valkey is killed and comes back empty", ()),
        ("postgresql", "PostgreSQL is killed right after the intent", ()),
        ("postgresql_late", "PostgreSQL is killed while the request is on its way", LATE_ANSWER),
        ("venue_of", "the venue is killed after it carried the order out", ({**SWALLOWED, "hold_ms": 20_000},)),
        ("deaf", "every wake-up is lost, the log's too", ()),
    )
]
ALL: Final = [*UNSENT, *SENT, *CANCEL, *CANCEL_UNSENT, *WEB, *WEB_CANCEL, *VENUE, *STOP, LATE, *RACE, *WORLD]
TITLES: Final[dict[Way, str]] = {
    "send": "kill -9 of the worker that sends",
    "cancel": "kill -9 of the worker that cancels",
    "cancel_unsent": "kill -9 of the worker that cancels what was not sent yet",
    "web": "kill -9 of the web process that takes the ticket, which is then sent again",
    "web_cancel": "kill -9 of the web process that takes the cancel, which is then asked again",
    "venue": "What the venue does to a worker that lives",
    "stop": "SIGSTOP of the worker that sends",
    "race": "Two workers for the same rows",
    "world": "What happens around a worker that lives",
}
