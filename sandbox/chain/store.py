"""Store of the sandbox chain: one SQLite file that keeps genesis, blocks and orders through a kill."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.chain.orders import Order

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS genesis (only INTEGER PRIMARY KEY CHECK (only = 1), body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS blocks (number INTEGER PRIMARY KEY, branch INTEGER NOT NULL, hash BLOB NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER NOT NULL, position INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (number, position)
);
CREATE TABLE IF NOT EXISTS waiting (transaction_hash TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reorganizations (
    branch INTEGER PRIMARY KEY, number INTEGER NOT NULL, depth INTEGER NOT NULL
);
"""
BUSY_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Genesis:
    """What the first start decided for ever; times in ms, amounts in whole tokens."""

    seed: int
    genesis_ms: int
    block_ms: int
    chain_id: int
    custody_wsteth: int
    supply_usde: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block as it is kept: its branch counts the reorganizations before it."""

    number: int
    branch: int
    hash: bytes


class Store:
    """The chain on disk; every change inside `transaction` is kept whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the file's write lock; commit at the end, roll back on an error."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def genesis(self, proposed: Genesis) -> Genesis:
        """Keep the proposal if this is the first start; return what was kept."""
        body = {name: getattr(proposed, name) for name in Genesis.__slots__}
        self._db.execute("INSERT OR IGNORE INTO genesis VALUES (1, ?)", (json.dumps(body),))
        (kept,) = self._db.execute("SELECT body FROM genesis").fetchone()
        return Genesis(**json.loads(kept))

    def head(self) -> Block | None:
        return self._block("ORDER BY number DESC LIMIT 1")

    def block(self, number: int) -> Block | None:
        return self._block("WHERE number = ?", number)

    def block_of(self, digest: bytes) -> Block | None:
        return self._block("WHERE hash = ?", digest)

    def branch(self) -> int:
        """Return how many reorganizations there have been."""
        (branch,) = self._db.execute("SELECT coalesce(max(branch), 0) FROM reorganizations").fetchone()
        return int(branch)

    def orders(self) -> Iterator[tuple[int, Order]]:
        """Yield all orders with their block numbers, oldest first."""
        for number, body in self._db.execute("SELECT number, body FROM orders ORDER BY number, position"):
            yield number, Order(**json.loads(body))

    def waiting(self) -> list[Order]:
        """Return the orders that no block holds yet, oldest first."""
        rows = self._db.execute("SELECT body FROM waiting ORDER BY rowid")
        return [Order(**json.loads(body)) for (body,) in rows]

    def add_block(self, block: Block, orders: list[Order]) -> None:
        self._db.execute("INSERT INTO blocks VALUES (?, ?, ?)", (block.number, block.branch, block.hash))
        for position, order in enumerate(orders):
            self._db.execute(
                "INSERT INTO orders VALUES (?, ?, ?)", (block.number, position, json.dumps(order.as_json()))
            )

    def add_waiting(self, order: Order) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO waiting VALUES (?, ?)", (order.transaction, json.dumps(order.as_json()))
        )

    def clear_waiting(self) -> None:
        self._db.execute("DELETE FROM waiting")

    def drop_from(self, number: int, branch: int, depth: int) -> None:
        """Forget the blocks from that number on and open a new branch there."""
        self._db.execute("DELETE FROM blocks WHERE number >= ?", (number,))
        self._db.execute("DELETE FROM orders WHERE number >= ?", (number,))
        self._db.execute("INSERT INTO reorganizations VALUES (?, ?, ?)", (branch, number, depth))

    def _block(self, clause: str, *values: object) -> Block | None:
        row = self._db.execute(f"SELECT number, branch, hash FROM blocks {clause}", values).fetchone()
        return Block(number=row[0], branch=row[1], hash=row[2]) if row else None
