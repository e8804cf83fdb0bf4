"""Servers of the tests: a PostgreSQL and a Valkey of their own, beside any other on the machine.

A pytest plugin, loaded with `-p` so that the environment is complete before Django reads its settings. The servers are
started only when a test outside the pure folders may run. Workers of pytest-xdist share the PostgreSQL (each has its
own test database) and have a Valkey each, which a test may flush or kill: both servers come back by themselves.
"""

import atexit
import gc
import io
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from xdist.scheduler import LoadScopeScheduling

from hedgeapp.up.environment import kept_secrets
from hedgeapp.up.ports import reserve
from hedgeapp.up.servers import Servers, held, missing, running, valkey
from hedgeapp.up.valkey import Valkey
from hedgeapp.up.voice import Voice

ROOT = Path(__file__).resolve().parent.parent
PURE = (ROOT / "tests" / "core", ROOT / "tests" / "up")  # these need no server of ours
APP_URL = "TEST_APP_DATABASE_URL"
VALKEYS = "TEST_VALKEY_URLS"
OPERATORS = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_MOVES_URL", "REDIS_URL", "HEDGEAPP_SERVICES")
COMPILES_NOTHING = "PYTHONDONTWRITEBYTECODE"  # with it, each of hundreds of processes compiles all of us for a second

_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
_leave = ExitStack()


def _port_of(note: Path) -> int:
    port, keeper = reserve()
    _leave.callback(keeper.close)
    return port


def _describe() -> Servers:
    """Put the tests' servers into the environment, on reserved ports, whatever the operator has there."""
    for name in (*OPERATORS, COMPILES_NOTHING):
        os.environ.pop(name, None)
    var = Path(tempfile.mkdtemp(prefix="hedgeapp-tests-"))
    _leave.callback(shutil.rmtree, var, ignore_errors=True)
    servers = missing(var, _port_of, durable=False)
    kept = kept_secrets(var)
    urls = servers.urls
    # The test runner creates databases, so Django connects as the owner; `app_database_url` is the app's own role.
    os.environ |= {
        APP_URL: urls["DATABASE_URL"],
        **urls,
        "DATABASE_URL": urls["DATABASE_OWNER_URL"],
        "HEDGEAPP_ENV": "SANDBOX",
        "HEDGEAPP_SECRET_KEY": kept["HEDGEAPP_SECRET_KEY"],
        "HEDGEAPP_FIELD_KEYS": kept["HEDGEAPP_FIELD_KEYS"],
        "HEDGEAPP_VAR": str(var),
    }
    return servers


def _join() -> None:
    """Make one worker's part of the environment out of what the controller described."""
    if valkeys := os.environ.get(VALKEYS, "").split():  # none for pure tests
        os.environ["REDIS_URL"] = valkeys[int(_worker.removeprefix("gw")) % len(valkeys)]
    var = Path(os.environ["HEDGEAPP_VAR"]) / _worker
    var.mkdir(exist_ok=True)
    (var / "static").mkdir(parents=True, exist_ok=True)  # as where pages are served from, though nothing is collected
    os.environ["HEDGEAPP_VAR"] = str(var)


@asynccontextmanager
async def _all_running(servers: Servers, more: list[Valkey], voice: Voice) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(servers, voice))
        for server in more:
            await stack.enter_async_context(valkey(server, voice))
        yield


def _is_needed(config: pytest.Config) -> bool:
    if config.option.collectonly or config.option.help or config.option.version:
        return False
    places = [(config.invocation_params.dir / str(place).split("::")[0]).resolve() for place in config.args]
    return not all(any(place.is_relative_to(pure) for pure in PURE) for place in places)


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers, one Valkey a worker, if a test may need them."""
    if _worker or not _is_needed(config):
        return
    first = _servers.valkey
    assert first is not None
    workers = len(getattr(config.option, "tx", None) or [""])
    more = [
        Valkey(
            folder=first.folder.with_name(f"valkey{number}"),
            port=_port_of(first.folder),
            password=first.password,
            durable=False,
        )
        for number in range(1, workers)
    ]
    os.environ[VALKEYS] = " ".join(server.url for server in (first, *more))
    _leave.enter_context(held(lambda: _all_running(_servers, more, Voice(io.StringIO()))))


def pytest_unconfigure() -> None:
    """Stop the servers and remove their data."""
    if not _worker:
        _leave.close()


@cache
def _is_stack(file: str) -> bool:
    """Tell whether the tests of a file bring up a whole stack, or one's worth of processes: journeys do."""
    return file.startswith("tests/journeys/") or "from tests.stack import" in (ROOT / file).read_text()


def _scope(nodeid: str) -> str:
    """Return what of the tests one worker takes as a whole."""
    file = nodeid.partition("::")[0]
    return "stack" if _is_stack(file) else file


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives the tests of a file to one worker, and all that bring up a whole stack too: one stack at a time.

    xdist's own marks for groups do nothing under this pytest: pytest-dev/pytest-xdist#1386.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Let the workers of pytest-xdist take files, in the order of the collection."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let workers begin with what takes longest: the stacks, which are one piece, then the files with most tests."""
    if _worker:
        sizes = Counter(_scope(item.nodeid) for item in items)
        items.sort(key=lambda item: (_scope(item.nodeid) != "stack", -sizes[_scope(item.nodeid)]))


def pytest_collection_finish() -> None:
    """Let the garbage collector look no more at all that was imported and collected."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def app_database_url(db: None) -> str:
    """The test database as the app's own role sees it: no owner, no DDL, no TRUNCATE."""
    from django.db import connection

    return urlsplit(os.environ[APP_URL])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


@pytest.fixture
def moves_database_url(db: None) -> str:
    """The test database as the role that sends moves sees it."""
    from django.db import connection

    return urlsplit(os.environ["DATABASE_MOVES_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


if _worker:
    _join()
else:
    sys.dont_write_bytecode = False
    _servers = _describe()
    atexit.register(_leave.close)  # for a run that ends before pytest_unconfigure
