"""Freshness: what a step was last done for, so that a start does not repeat what has not changed."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import psycopg
from psycopg import sql

from hedgeapp.up.bootstrap import ROOT

LOCK = ROOT / "requirements" / "base.txt"
APPS = ("hedgeapp", "marketdata", "portfolio", "reconciliation")


def digest(files: Iterable[Path]) -> str:
    """Return one digest of the names and the contents of files, and of the locked packages."""
    seen = hashlib.sha256()
    for file in (LOCK, *sorted(files)):
        seen.update(f"{file}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return seen.hexdigest()


def of_schema() -> str:
    """Return the digest of everything that shapes the database's tables and who may use them."""
    migrations = (file for app in APPS for file in (ROOT / app).glob("**/migrations/**/*.py"))
    return digest([ROOT / "hedgeapp" / "settings.py", *(ROOT / "hedgeapp").glob("**/grants.py"), *migrations])


def of_static_files() -> str:
    """Return the digest of the project's own static files."""
    folders = [ROOT / "static", *(folder for app in APPS for folder in (ROOT / app).glob("**/static"))]
    files = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    return digest([ROOT / "hedgeapp" / "settings.py", *files])


def of_world() -> str:
    """Return the digest of everything that the sandbox tells of itself."""
    return digest((ROOT / "sandbox").glob("**/*.py"))


def noted(url: str) -> dict[str, str]:
    """Return the notes kept as the comment of a database: they leave with it."""
    with psycopg.connect(url, connect_timeout=10) as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    try:
        found = json.loads(row[0]) if row and row[0] else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def note(url: str, notes: dict[str, str]) -> None:
    """Keep the notes of a database; one that is not ours to comment keeps none, and each start repeats its steps."""
    with psycopg.connect(url, connect_timeout=10, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        try:
            connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(json.dumps(notes))))
        except psycopg.errors.InsufficientPrivilege:
            return
