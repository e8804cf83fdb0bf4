"""PostgreSQL and Valkey of our own: closed to others, also for root, and back by themselves after a kill."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from hedgeapp.up import identity
from hedgeapp.up.ports import remembered_port
from hedgeapp.up.postgres import OWNER, SecretsDoNotFitTheCluster, programs
from hedgeapp.up.servers import Servers, held, missing, running
from hedgeapp.up.voice import Voice
from tests.up.conftest import is_root

PATIENCE_S = 60.0


@pytest.fixture
def servers(closed_folder: Path, own_servers: None) -> Servers:
    return missing(closed_folder, remembered_port)


def eventually(attempt: Callable[[], object]) -> object:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return attempt()
        except (OSError, psycopg.Error, redis.RedisError):
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def one(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        return row[0] if row else None


def modes_above(folder: Path) -> list[tuple[Path, int, int]]:
    return [(each, each.stat().st_mode, each.stat().st_uid) for each in folder.resolve().parents]


def test_a_killed_cluster_comes_back_with_its_data(servers: Servers, closed_folder: Path, voice: Voice) -> None:
    cluster = servers.cluster
    assert cluster
    before = modes_above(closed_folder)
    with held(lambda: running(servers, voice)):
        assert modes_above(closed_folder) == before
        assert (closed_folder / "postgres").stat().st_mode & 0o777 == 0o700
        with psycopg.connect(cluster.url(OWNER)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
        os.kill(int((cluster.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        assert eventually(lambda: one(cluster.url(), "SELECT value FROM kept")) == 7
        with psycopg.connect(cluster.url()) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE refused ()")
        with psycopg.connect(cluster.url()) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("TRUNCATE kept")
    assert not (cluster.data / "postmaster.pid").exists()
    assert modes_above(closed_folder) == before


def test_a_note_of_a_dead_server_is_not_taken_for_a_living_one(servers: Servers, voice: Voice) -> None:
    cluster = servers.cluster
    assert cluster
    only = Servers(cluster=cluster, valkey=None)
    with held(lambda: running(only, voice)):
        note = (cluster.data / "postmaster.pid").read_text().split("\n", 1)
    (cluster.data / "postmaster.pid").write_text(f"{os.getppid()}\n{note[1]}")
    with held(lambda: running(only, voice)):
        assert one(cluster.url(), "SELECT current_setting('is_superuser')") == "off"


def test_lost_secrets_are_named(servers: Servers, voice: Voice) -> None:
    cluster = servers.cluster
    assert cluster
    with held(lambda: running(Servers(cluster=cluster, valkey=None), voice)):
        pass
    stranger = Servers(cluster=replace(cluster, owner_password="another"), valkey=None)
    with pytest.raises(SecretsDoNotFitTheCluster, match="another password"), held(lambda: running(stranger, voice)):
        pass


@is_root
@pytest.mark.parametrize("way", [identity._in_user_namespace, identity._as_nobody_who_may_pass])
def test_each_way_of_not_being_root_passes_closed_folders(way: identity.Preparation, closed_folder: Path) -> None:
    mine = closed_folder / "mine"
    mine.mkdir(mode=0o700)
    if way is not identity._in_user_namespace:
        os.chown(mine, identity.NOBODY, -1)
    if not identity._works(way, mine, programs() / "postgres"):
        pytest.skip("this machine does not allow it")
    seen = subprocess.run(["id", "-u"], preexec_fn=way, capture_output=True, text=True, check=True)
    assert seen.stdout.strip() != "0"


def test_valkey_asks_for_its_password_and_comes_back_with_its_data(servers: Servers, voice: Voice) -> None:
    server = servers.valkey
    assert server
    with held(lambda: running(Servers(cluster=None, valkey=server), voice)):
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0)).ping()
        client = redis.Redis.from_url(server.url, retry=Retry(NoBackoff(), 0))
        client.config_set("appendfsync", "always")
        client.set("kept", 8)
        first = client.info("server")["process_id"]
        os.kill(first, signal.SIGKILL)
        assert eventually(lambda: client.get("kept")) == b"8"
        assert client.info("server")["process_id"] != first
    assert (server.folder / "valkey.conf").stat().st_mode & 0o777 == 0o600
