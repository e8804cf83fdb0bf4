"""Unpack: the bytes of many rows to recorded events, hashes verified on the way."""

from hashlib import sha256
from struct import Struct
from typing import Any, Final

import msgspec

from hedgeapp.core.events import Recorded
from hedgeapp.eventlog import chain
from hedgeapp.eventlog.codec import COUNTED, BodyIsMalformed, decode

_HEAD: Final = Struct(">4xq4xqi").unpack_from  # seq, recorded_at, length of kind
_LENGTH: Final = Struct(">i").unpack_from
_COUNTED: Final = {kind.encode(): how for kind, how in COUNTED.items()}


class ChainIsBroken(ValueError):
    """A row of the log is not what was appended: it names the first bad one."""

    def __init__(self, seq: int, expected: str, found: str) -> None:
        self.seq, self.expected, self.found = seq, expected, found
        super().__init__(f"the log is not as it was written at seq {seq}: {expected} expected, found {found}")


class Unpack:
    """Turns batches into events; remembers the last time of recording, which whole batches share.

    This loop is the speed of every rebuild: it takes rows apart as `chain.rows` does, but without a call for each.
    """

    def __init__(self, *, verify: bool) -> None:
        self._verify = verify
        self._taken_us = 0
        self._recorded_at = chain.moment(0)

    def __call__(self, blob: bytes, before: bytes | None, after: int) -> list[Recorded]:
        """Return the events of a batch that follows seq `after`, whose hash is `before` (None at the beginning).

        Refuses with ChainIsBroken, UnknownKind, UnknownField, BodyIsMalformed.
        """
        previous = before if after else chain.GENESIS
        if self._verify and previous is None:
            raise ChainIsBroken(after, "a row", "none")
        return self._events(blob, previous or b"", after)

    def _events(self, blob: bytes, previous: bytes, place: int) -> list[Recorded]:
        verify, start, end, found = self._verify, 0, len(blob), list[Recorded]()
        kind = b""
        try:
            while start < end:
                seq, taken_us, size = _HEAD(blob, start)
                at = start + 28 + size
                kind = blob[start + 28 : at]
                at += 8 + _LENGTH(blob, at)[0]
                stop = at + _LENGTH(blob, at - 4)[0]
                body = blob[at:stop]
                if verify:
                    place += 1
                    hash_ = blob[stop : stop + 32]
                    if seq != place or sha256(previous + blob[start:stop]).digest() != hash_:
                        raise _broken(place, seq, previous, blob[start:stop], hash_)
                    previous = hash_
                start = stop + 32
                if taken_us != self._taken_us:
                    self._taken_us, self._recorded_at = taken_us, chain.moment(taken_us)
                how = _COUNTED.get(kind)
                recorded = _new(Recorded)
                _set_seq(recorded, seq)
                _set_at(recorded, self._recorded_at)
                if how and body.count(b'":') == how[1]:
                    _set_event(recorded, how[0](body))
                else:
                    _set_event(recorded, decode(kind.decode(), body))
                found.append(recorded)
        except msgspec.DecodeError as error:
            raise BodyIsMalformed(kind.decode(), str(error)) from error
        return found


def _broken(place: int, seq: int, previous: bytes, row: bytes, hash_: bytes) -> ChainIsBroken:
    if seq != place:
        return ChainIsBroken(place, "a row", f"a gap: the next is {seq}")
    return ChainIsBroken(seq, chain.link(previous, row).hex(), hash_.hex())


# A frozen record's own constructor takes three times as long, and one is made for each event.
_new: Final = object.__new__
_members: Final[Any] = Recorded
_set_seq, _set_at, _set_event = (_members.__dict__[name].__set__ for name in ("seq", "recorded_at", "event"))
