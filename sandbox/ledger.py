"""The venues' durable books in one SQLite file: balances, positions, orders, trades, incomes, numbers never reused."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from sandbox.rows import Fill, Funding, Income, Order, Position
from sandbox.tables import INDEXES, SQL_TYPES, TABLES

BUSY_TIMEOUT_S = 5.0
ROWS_MAX = 1000
CLIENT_IDS_MAX = 100_000


Row = TypeVar("Row")


class LedgerIsUnreadable(Exception):
    """The ledger file cannot be used."""


class Ledger:
    """The open SQLite file. Every change of money is one transaction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._create()
        except sqlite3.Error as problem:
            raise LedgerIsUnreadable(
                f"expected a ledger of the sandbox at {path}, found {problem}; move the file away to begin anew"
            ) from problem
        self.balances: dict[tuple[str, str], Decimal] = {
            (account, asset): Decimal(wallet)
            for account, asset, wallet in self._db.execute("SELECT account, asset, wallet FROM balances")
        }
        self.positions = {(each.account, each.symbol): each for each in self.every(Position)}

    def _create(self) -> None:
        self._db.execute("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
        self._db.execute("CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, reserved INTEGER NOT NULL)")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS balances"
            " (account TEXT, asset TEXT, wallet TEXT NOT NULL, PRIMARY KEY (account, asset))"
        )
        for kind, (table, key) in TABLES.items():
            columns = ", ".join(f"{each.name} {SQL_TYPES[each.type]} NOT NULL" for each in fields(kind))
            self._db.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({key}))")
        for table in ("orders", "fills", "incomes"):
            self._db.execute(f"CREATE INDEX IF NOT EXISTS {table}_of_account ON {table} (account, symbol)")
        for name, columns in INDEXES.items():
            self._db.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {columns}")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def get(self, key: str) -> str | None:
        """Read a remembered value."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else None

    def put(self, values: dict[str, str]) -> None:
        """Remember values."""
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def reserve(self, name: str, first: int, block: int) -> int:
        """Reserve the next block of numbers and give its first; after a crash the rest of a block is never used."""
        with self._transaction():
            row = self._db.execute("SELECT reserved FROM numbers WHERE name = ?", (name,)).fetchone()
            start = int(row[0]) if row else first
            self._db.execute("INSERT OR REPLACE INTO numbers VALUES (?, ?)", (name, start + block))
        return start

    def record(
        self,
        *,
        orders: Sequence[Order] = (),
        fills: Sequence[Fill] = (),
        incomes: Sequence[Income] = (),
        positions: Sequence[Position] = (),
        fundings: Sequence[Funding] = (),
        others: Sequence[Any] = (),
    ) -> None:
        """Write facts and the balances they lead to in one transaction; `others` are rows of any other table."""
        changed: dict[tuple[str, str], Decimal] = {}
        for income in incomes:
            key = (income.account, income.asset)
            changed[key] = changed.get(key, self.balances.get(key, Decimal(0))) + income.income
        with self._transaction():
            for rows in (orders, fills, incomes, positions, fundings, *([each] for each in others)):
                self._insert(rows)
            self._db.executemany(
                "INSERT OR REPLACE INTO balances VALUES (?, ?, ?)",
                [(account, asset, f"{wallet:f}") for (account, asset), wallet in changed.items()],
            )
        self.balances.update(changed)
        self.positions.update({(each.account, each.symbol): each for each in positions})

    def order(self, account: str, symbol: str, *, order_id: int | None, client_id: str | None) -> Order | None:
        """Find one order by the venue's id or the client's."""
        where, value = ("id = ?", order_id) if order_id is not None else ("client_id = ?", client_id)
        found = self.select(Order, f"account = ? AND symbol = ? AND {where}", (account, symbol, value), "id DESC", 1)
        return found[0] if found else None

    def open_orders(self, limit: int) -> list[Order]:
        """List the orders of every account that are open, oldest first."""
        names = _columns(Order)
        sql = f"SELECT {names} FROM orders WHERE status IN ('NEW', 'PARTIALLY_FILLED') ORDER BY id LIMIT ?"
        return [_read(Order, row) for row in self._db.execute(sql, (limit,))]

    def client_ids(self, account: str) -> dict[str, int]:
        """Count an account's orders by their client order id, the latest CLIENT_IDS_MAX of them."""
        sql = (
            "SELECT client_id, count(*) FROM orders WHERE account = ? GROUP BY client_id ORDER BY max(id) DESC LIMIT ?"
        )
        return dict(self._db.execute(sql, (account, CLIENT_IDS_MAX)))

    def orders(
        self, account: str, symbol: str | None, where: str, values: Sequence[Any], limit: int, *, latest: bool = False
    ) -> list[Order]:
        """List orders, oldest first, that meet a condition on their columns: the first or the latest."""
        return self._of_account(Order, account, symbol, where, values, ("id",), limit, latest=latest)

    def fills(
        self,
        account: str,
        symbol: str | None,
        where: str,
        values: Sequence[Any],
        limit: int,
        *,
        latest: bool = False,
        by_id: bool = False,
    ) -> list[Fill]:
        """List trades by time, or by id, that meet a condition on their columns: the first or the latest."""
        keys = ("id",) if by_id else ("at_ms", "id")
        return self._of_account(Fill, account, symbol, where, values, keys, limit, latest=latest)

    def incomes(
        self,
        account: str,
        symbol: str | None,
        where: str,
        values: Sequence[Any],
        limit: int,
        *,
        latest: bool = False,
        offset: int = 0,
    ) -> list[Income]:
        """List incomes, oldest first, that meet a condition on their columns: the first or the latest."""
        return self._of_account(
            Income, account, symbol, where, values, ("at_ms", "id"), limit, latest=latest, offset=offset
        )

    def incomes_after(self, account: str, income_id: int) -> list[Income]:
        """List the incomes of an account after one of them, by id, at most ROWS_MAX."""
        return self.select(Income, "account = ? AND id > ?", (account, income_id), "id", ROWS_MAX)

    def fundings(self, venue: str, symbol: str | None, since_ms: int, until_ms: int, limit: int) -> list[Funding]:
        """List settled funding rates, oldest first."""
        where, values = "venue = ? AND at_ms BETWEEN ? AND ?", [venue, since_ms, until_ms]
        if symbol is not None:
            where, values = where + " AND symbol = ?", [*values, symbol]
        return self.select(Funding, where, values, "at_ms, symbol", limit)

    def last_funding_ms(self, venue: str, symbol: str) -> int | None:
        """Give the time of the contract's latest settled funding, None before the first."""
        found = self.select(Funding, "venue = ? AND symbol = ?", (venue, symbol), "at_ms DESC", 1)
        return found[0].at_ms if found else None

    def _of_account(
        self,
        kind: type[Row],
        account: str,
        symbol: str | None,
        where: str,
        values: Sequence[Any],
        keys: Sequence[str],
        limit: int,
        *,
        latest: bool,
        offset: int = 0,
    ) -> list[Row]:
        condition = f"account = ? AND ({where})"
        parameters: list[Any] = [account, *values]
        if symbol is not None:
            condition, parameters = condition + " AND symbol = ?", [*parameters, symbol]
        order = ", ".join(f"{key} DESC" if latest else key for key in keys)
        rows = self.select(kind, condition, parameters, order, limit, offset)
        return rows[::-1] if latest else rows

    def select(
        self, kind: type[Row], where: str, values: Sequence[Any], order: str, limit: int, offset: int = 0
    ) -> list[Row]:
        """List rows of a table that meet a condition on its columns, at most ROWS_MAX."""
        names = _columns(kind)
        sql = f"SELECT {names} FROM {TABLES[kind][0]} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
        rows = self._db.execute(sql, (*values, min(limit, ROWS_MAX), offset))
        return [_read(kind, row) for row in rows]

    def every(self, kind: type[Row]) -> list[Row]:
        """List all rows of a table."""
        names = _columns(kind)
        return [_read(kind, row) for row in self._db.execute(f"SELECT {names} FROM {TABLES[kind][0]}")]

    def _insert(self, rows: Sequence[Any]) -> None:
        if not rows:
            return
        marks = ", ".join("?" * len(fields(rows[0])))
        sql = f"INSERT OR REPLACE INTO {TABLES[type(rows[0])][0]} VALUES ({marks})"
        self._db.executemany(sql, [_written(astuple(row)) for row in rows])

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


class Numbers:
    """Numbers of one kind, reserved in blocks, so that none is ever given twice."""

    def __init__(self, ledger: Ledger, name: str, *, first: int, block: int) -> None:
        self._ledger, self._name, self._first, self._block = ledger, name, first, block
        self._next = ledger.reserve(name, first, block)
        self._end = self._next + block

    @property
    def next(self) -> int:
        """Give the number that comes next."""
        return self._next

    def take(self) -> int:
        """Give the next number."""
        if self._next >= self._end:
            self._extend()
        self._next += 1
        return self._next - 1

    def cover(self, used: int) -> None:
        """Pass over numbers that were used elsewhere and keep at least half a block in reserve beyond them."""
        self._next = max(self._next, used + 1)
        while self._next + self._block // 2 > self._end:
            self._extend()

    def _extend(self) -> None:
        self._end = self._ledger.reserve(self._name, self._first, self._block) + self._block


def _written(values: Iterable[Any]) -> list[Any]:
    return [f"{value:f}" if isinstance(value, Decimal) else value for value in values]


def _columns(kind: type[Any]) -> str:
    return ", ".join(each.name for each in fields(kind))


def _read(kind: type[Row], row: Sequence[Any]) -> Row:
    values: dict[str, Any] = {}
    for field, value in zip(fields(kind), row, strict=True):  # type: ignore[arg-type]  # every kind is a dataclass
        if field.type is Decimal:
            values[field.name] = Decimal(value)
        elif field.type is bool:
            values[field.name] = bool(value)
        else:
            values[field.name] = value
    return kind(**values)
