"""Rebuilds: how fast the book and all read models are made again.  log -> events a second of one core

The same log is folded several times, and each part of it counts with its fastest time (`bench/laps.py`); the fastest
whole round is told beside.
"""

import gc
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib import import_module
from multiprocessing import get_context
from operator import attrgetter
from typing import Final

import psycopg

from bench.laps import Lap, Watch, undisturbed
from bench.report import Row
from hedgeapp.eventlog import chain
from hedgeapp.eventlog.codec import DECODERS
from hedgeapp.eventlog.read import head, read_batches, rebuilding

ROUNDS: Final = 16
PART: Final = 10_000  # events

BOOK_PER_S_MIN: Final = 150_000
ROWS_PER_S_MIN: Final = 50_000


def rebuilds(url: str) -> Iterator[Row]:
    """Measure each rebuild of the log at `url`, in turns with the bare work, which the same bursts strike.

    Each in a process just begun from one that is ready, as a service that comes back is (`hedgeapp/up/cradle.py`), not
    on the heap that the others leave behind.
    """
    import_module("portfolio.operations.replay")
    gc.freeze()
    with get_context("fork").Pool(1, maxtasksperchild=1) as alone:
        for name, rebuild, least in (
            ("rebuild the book", _book, BOOK_PER_S_MIN),
            ("rebuild all read models", _read_models, ROWS_PER_S_MIN),
        ):
            pairs = [(alone.apply(rebuild, (url,)), alone.apply(_bare, (url,))) for _ in range(ROUNDS)]
            yield from _rates(name, [ours for ours, _ in pairs], [other for _, other in pairs], least)


def _bare(url: str) -> list[Lap]:
    """Do what no rebuild can leave out, and nothing else: each row hashed, each body decoded, from memory."""
    with psycopg.connect(url) as connection:
        select = f"SELECT kind, body, {chain.MATERIAL_SQL} || hash FROM eventlog_event ORDER BY seq"
        ready = [(DECODERS[kind], body, material) for kind, body, material in connection.execute(select)]
    with rebuilding():
        watch = Watch()
        for start in range(0, len(ready), PART):
            for decode, body, material in ready[start : start + PART]:
                sha256(material).digest()
                decode(body)
            watch.lap(len(ready[start : start + PART]))
        return watch.laps


def _book(url: str) -> list[Lap]:
    from portfolio.core.book import Book

    with psycopg.connect(url, autocommit=True) as connection, rebuilding():
        book, watch, begun = Book(), Watch(), 0
        for batch in read_batches(connection, verify=True):
            book.fold(batch)
            if book.seq >= begun + PART:
                watch.lap(book.seq - begun)
                begun = book.seq
        watch.lap(book.seq - begun)
        return watch.laps


def _read_models(url: str) -> list[Lap]:
    from portfolio.operations import replay, tables

    with psycopg.connect(url) as writer, psycopg.connect(url, autocommit=True) as reader:
        names, last = replay.names(), head(reader).seq
        tables.create_beside(writer, "public", replay.SCHEMA, names)
        rebuild, watch = replay.Rebuild(reader, writer), Watch()
        with rebuilding():
            for start in range(0, last, PART):
                rebuild.until(min(start + PART, last))
                if start + PART >= last:
                    rebuild.finish()
                watch.lap(min(PART, last - start))
        tables.index_as(writer, "public", replay.SCHEMA, names)
        writer.commit()
        return watch.laps


def _rates(name: str, ours: Sequence[list[Lap]], bare: Sequence[list[Lap]], least: int) -> Iterator[Row]:
    per_core_s, alone_s = undisturbed(ours, attrgetter("core_s")), undisturbed(bare, attrgetter("core_s"))
    yield Row(
        name=f"{name}, hashes verified",
        value=per_core_s,
        unit="events/s a core",
        compared_with=f"hashing and decoding alone: {alone_s:,.0f}",
        ratio=per_core_s / alone_s,
        budget=f"≥ {least:,} events/s a core",
        is_met=per_core_s >= least,
    )
    whole = max(undisturbed([laps], attrgetter("core_s")) for laps in ours)
    yield Row(name=f"{name}, the fastest whole round", value=whole, unit="events/s a core")
    yield Row(name=f"{name}, by the clock", value=undisturbed(ours, attrgetter("wall_s")), unit="events/s")
