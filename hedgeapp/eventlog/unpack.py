"""Unpack: the bytes of many rows to recorded events, hashes verified on the way."""

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from struct import Struct
from typing import Final

import msgspec

from hedgeapp.core.events import Recorded
from hedgeapp.eventlog import chain
from hedgeapp.eventlog.codec import DECODERS, decode

_LENGTH: Final = Struct(">i").unpack_from
_READ: Final = {kind.encode(): read for kind, read in DECODERS.items()}


class ChainIsBroken(ValueError):
    """A row of the log is not what was appended: it names the first bad one."""

    def __init__(self, seq: int, expected: str, found: str) -> None:
        self.seq, self.expected, self.found = seq, expected, found
        super().__init__(f"the log is not as it was written at seq {seq}: {expected} expected, found {found}")


class Unpack:
    """Turns batches into events; remembers the last time of recording, which whole batches share.

    This loop is the speed of every rebuild: it takes rows apart as `chain.rows` does, but without a call for
    each, and takes a row to begin as the one before it did, with a kind of as many bytes.
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
        return self._events(blob, previous or chain.GENESIS, after)

    def _events(self, blob: bytes, previous: bytes, place: int) -> list[Recorded]:
        blob = previous + blob  # now each row stands behind the hash before it, just as it was hashed
        verify, start, end, found = self._verify, chain.HASH_BYTES, len(blob), list[Recorded]()
        add = found.append
        kind, body, read, width, head = b"", b"", None, 0, _head_of(0)
        last_us, recorded_at = self._taken_us, self._recorded_at
        try:
            while start < end:
                seq, taken_us, size, name, key_size = head(blob, start)
                if size != width:
                    width, head = size, _head_of(size)
                    _, _, _, name, key_size = head(blob, start)
                if name != kind:
                    kind, read = name, _READ.get(name)
                at = start + 36 + size + key_size
                stop = at + _LENGTH(blob, at - 4)[0]
                if verify:
                    place += 1
                    if seq != place or sha256(blob[start - 32 : stop]).digest() != blob[stop : stop + 32]:
                        raise _broken(place, seq, blob[start - 32 : stop], blob[stop : stop + 32])
                start = stop + 32
                if taken_us != last_us:
                    last_us, recorded_at = taken_us, chain.moment(taken_us)
                body = blob[at:stop]
                event = read(body) if read else decode(kind.decode(), body)  # which refuses the kind
                add(Recorded(seq=seq, recorded_at=recorded_at, event=event))
        except (msgspec.DecodeError, UnicodeDecodeError):
            decode(kind.decode(), body)  # says what is wrong
            raise
        self._taken_us, self._recorded_at = last_us, recorded_at
        return found


@cache
def _head_of(size: int) -> Callable[[bytes, int], tuple[int, int, int, bytes, int]]:
    """Return what reads the head of a row with a kind of `size` bytes: seq, recorded_at, size, kind, size of key."""
    return Struct(f">4xq4xqi{size}si").unpack_from


def _broken(place: int, seq: int, hashed: bytes, hash_: bytes) -> ChainIsBroken:
    if seq != place:
        return ChainIsBroken(place, "a row", f"a gap: the next is {seq}")
    return ChainIsBroken(seq, sha256(hashed).hexdigest(), hash_.hex())
