"""Read models after a test: brought to the log's head, they are what the log folds into from nothing."""

import psycopg

from hedgeapp.eventlog.read import head, read
from portfolio.core.book import Book
from portfolio.operations import read_models, tables
from portfolio.operations.replay import SCHEMA, Rebuild
from portfolio.projections import TABLES
from portfolio.queries.rows import projected_seq

NAMES = [table.name for table in TABLES]


def prove_rows(url: str) -> None:
    """Let the rows follow the log from wherever the test left them, and compare them with a rebuild."""
    with psycopg.connect(url) as writer, psycopg.connect(url, autocommit=True) as reader:
        seq, end = projected_seq(), head(reader).seq
        if not end:
            return
        if seq < end:
            book = Book()
            book.fold(read(reader, until=seq))
            read_models.lock(writer)
            read_models.write(writer, book, list(read(reader, after=seq)))
            writer.commit()
        live = tables.current_schema(writer)
        tables.create_beside(writer, live, SCHEMA, NAMES)
        rebuild = Rebuild(reader, writer)
        for until in (end // 2, end):  # in two parts, which come to the same
            rebuild.until(until)
        rebuild.finish()
        differing = tables.differences(writer, live, SCHEMA, NAMES)
        example = tables.example(writer, live, SCHEMA, next(iter(differing))) if differing else ""
        writer.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
        writer.commit()
        assert not differing, f"rows as the log folds into them expected, found {differing}, first of all {example}"
