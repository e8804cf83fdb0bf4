"""Recorded market data in tests: emptied, whose tables Django does not know."""

from typing import Any

import psycopg
from psycopg import sql

from marketdata.core.recorded import RECORDED

TABLES = (*(recorded.table for recorded in RECORDED.values()), "marketdata_refused", "marketdata_recording")
PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"


def emptied_records(connection: psycopg.Connection[Any]) -> None:
    """Leave no row and no day."""
    for table in TABLES:
        for (name,) in connection.execute(PARTITIONS, [table]).fetchall():
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(table)))
