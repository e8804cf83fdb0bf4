"""Segments: what goes in comes out, and no torn, changed or foreign byte goes unnoticed."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.eventlog import chain
from hedgeapp.eventlog.sink.segments import (
    ROWS_AT,
    Segment,
    SegmentIsCorrupt,
    SegmentIsTorn,
    after,
    bounds,
    hash_at,
    packed,
    segment,
    unpacked,
)

AT_US = chain.microseconds(datetime(2026, 3, 1, tzinfo=UTC))
texts = st.text(min_size=1, max_size=12).map(str.encode)
contents = st.lists(st.tuples(texts, texts, st.binary(max_size=40)), min_size=1, max_size=8)


def chained(first: int, previous: bytes, given_rows: list[tuple[bytes, bytes, bytes]]) -> bytes:
    parts = []
    for seq, (kind, key, body) in enumerate(given_rows, first):
        row = chain.material(seq, AT_US + seq, chain.words(kind, key, body))
        previous = chain.link(previous, row)
        parts += [row, previous]
    return b"".join(parts)


def three(first: int = 5, previous: bytes = b"p" * 32) -> Segment:
    rows = chained(first, previous, [(b"Kind", b"key:%d" % n, b'{"n":%d}' % n) for n in range(3)])
    return segment(first, previous, 7, rows)


@given(contents, st.integers(1, 2**40), st.binary(min_size=32, max_size=32), st.integers(0, 2**40))
def test_what_is_packed_is_unpacked(
    rows: list[tuple[bytes, bytes, bytes]], first: int, previous: bytes, epoch: int
) -> None:
    made = segment(first, previous, epoch, chained(first, previous, rows))
    found = unpacked("it", packed(made))
    assert found == made
    assert (found.first, found.last, found.epoch, found.events) == (first, first + len(rows) - 1, epoch, len(rows))
    assert [row[3:5] for row in chain.rows(found.rows)] == [row[1:] for row in rows]
    assert [found.rows[a:b] for a, b in bounds(found.rows)] == [
        material + hash_ for *_, material, hash_ in chain.rows(found.rows)
    ]


@given(contents, st.data())
def test_any_end_that_is_missing_is_torn_never_sound(
    rows: list[tuple[bytes, bytes, bytes]], data: st.DataObject
) -> None:
    content = packed(segment(1, chain.GENESIS, 1, chained(1, chain.GENESIS, rows)))
    cut = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(SegmentIsTorn):
        unpacked("it", content[:cut])


@given(contents, st.data())
def test_any_bit_that_is_flipped_is_found_never_taken_for_torn(
    rows: list[tuple[bytes, bytes, bytes]], data: st.DataObject
) -> None:
    content = bytearray(packed(segment(1, chain.GENESIS, 1, chained(1, chain.GENESIS, rows))))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SegmentIsCorrupt, match="it"):
        unpacked("it", bytes(content))


@given(st.binary(max_size=300))
def test_rows_that_are_no_rows_are_refused_whatever_their_lengths_say(rows: bytes) -> None:
    with pytest.raises(SegmentIsCorrupt):
        segment(1, chain.GENESIS, 1, rows)


@pytest.mark.parametrize("row", [0, 1, 2])
def test_a_changed_byte_is_named_by_segment_and_seq(row: int) -> None:
    content = bytearray(packed(three()))
    start, _ = list(bounds(three().rows))[row]
    content[ROWS_AT + start + 40] ^= 1
    with pytest.raises(SegmentIsCorrupt, match=rf"segment it at seq {5 + row} .*expected, found") as refused:
        unpacked("it", bytes(content))
    assert (refused.value.name, refused.value.seq) == ("it", 5 + row)


def test_bytes_after_the_end_are_refused() -> None:
    with pytest.raises(SegmentIsCorrupt, match="bytes expected"):
        unpacked("it", packed(three()) + b"x")


def test_rows_of_another_place_are_refused() -> None:
    with pytest.raises(SegmentIsCorrupt, match="seq 6 expected, found one with seq 5"):
        segment(6, b"p" * 32, 7, three().rows)
    with pytest.raises(SegmentIsCorrupt, match="hash"):
        segment(5, b"q" * 32, 7, three().rows)


def test_the_hash_at_any_seq_and_the_rows_after_it_are_found() -> None:
    made = three()
    assert hash_at(made, 4) == made.previous
    assert hash_at(made, 7) == made.hash
    assert after(made, 4) == made.rows
    assert segment(6, hash_at(made, 5), 7, after(made, 5)).hash == made.hash
    assert after(made, 7) == b""
    with pytest.raises(LookupError, match="a seq from 4 to 7 expected, found 8"):
        hash_at(made, 8)
