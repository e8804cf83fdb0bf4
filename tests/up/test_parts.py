"""Procfile, ports, secrets, and the lock of a folder."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hedgeapp.up.bootstrap import ROOT
from hedgeapp.up.environment import for_children, kept_secrets
from hedgeapp.up.lock import FolderIsUp, held_folder, is_up
from hedgeapp.up.ports import PortIsHeld, free_port, remembered_port, require_free
from hedgeapp.up.procfile import ProcfileIsMalformed, processes


def read(text: str, tmp_path: Path, **environment: str) -> dict[str, tuple[list[str], dict[str, str]]]:
    (tmp_path / "Procfile").write_text(text)
    found = processes(tmp_path / "Procfile", environment)
    return {process.name: (process.command, process.environment) for process in found}


def test_a_process_has_a_command_with_variables(tmp_path: Path) -> None:
    found = read("# comment\n\nweb: serve --port $PORT 'a b' $FOLDER/x\n", tmp_path, PORT="1", FOLDER="/with space")
    assert found["web"][0] == ["serve", "--port", "1", "a b", "/with space/x"]


def test_assignments_before_the_command_are_its_environment(tmp_path: Path) -> None:
    assert read("feeds: SERVICES=feed:* LOUD=1 work\n", tmp_path, A="b")["feeds"] == (
        ["work"],
        {"A": "b", "SERVICES": "feed:*", "LOUD": "1"},
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("web serve", "must read 'name: command'"),
        ("web: $NOWHERE", "'NOWHERE', which is not set"),
        ("web: A=b", "has no command"),
        ("web: 'open", "cannot be read"),
    ],
)
def test_a_malformed_line_is_named(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ProcfileIsMalformed, match="Procfile:1") as refusal:
        read(text, tmp_path)
    assert words in str(refusal.value)


def test_the_projects_procfile_can_be_read(tmp_path: Path) -> None:
    environment = for_children(tmp_path, kept_secrets(tmp_path), {})
    names = {process.name for process in processes(ROOT / "Procfile", environment)}
    workers = {"tasks", "feeds", "accounts", "engine", "screen", "orders", "urgent", "moves", "reconciliation"}
    assert names == {"web", "sandbox", *workers}


def test_the_urls_of_the_owner_and_of_the_sender_of_moves_are_given_to_nobody_else(tmp_path: Path) -> None:
    urls = {"DATABASE_URL": "app", "DATABASE_OWNER_URL": "owner", "DATABASE_MOVES_URL": "sender", "PORT": "1"}
    found = {
        one.name: one.environment
        for one in processes(ROOT / "Procfile", urls | {"SANDBOX_PORT": "2", "HEDGEAPP_VAR": "v"})
    }
    assert {name for name, given in found.items() if {"owner", "sender"} & set(given.values())} == {"moves"}
    assert found["moves"]["DATABASE_URL"] == "sender"
    assert {given["DATABASE_URL"] for name, given in found.items() if name != "moves"} == {"app"}


def test_the_holder_of_a_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(PortIsHeld) as refusal:
        require_free(server.getsockname()[1], "PORT")
    assert f"process {os.getpid()} (" in str(refusal.value)
    assert "PORT=<port>" in str(refusal.value)


def test_a_port_is_remembered_while_it_is_free(tmp_path: Path) -> None:
    note = tmp_path / "port"
    port = remembered_port(note)
    assert remembered_port(note) == port
    with socket.create_server(("127.0.0.1", port)):
        assert remembered_port(note) != port


def test_secrets_are_generated_once_and_closed_to_others(tmp_path: Path) -> None:
    first = kept_secrets(tmp_path)
    file = tmp_path / "secrets.env"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    assert kept_secrets(tmp_path) == first
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(set(first.values())) == len(first) == 6


def test_a_secret_that_is_missing_is_added_to_those_kept(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("HEDGEAPP_SECRET_KEY=kept\n")
    assert kept_secrets(tmp_path)["HEDGEAPP_SECRET_KEY"] == "kept"
    assert kept_secrets(tmp_path)["VALKEY_PASSWORD"]


@pytest.mark.usefixtures("own_servers")
def test_what_the_operator_set_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEAPP_SECRET_KEY", "theirs")
    monkeypatch.setenv("DATABASE_URL", "postgresql://theirs")
    given = for_children(tmp_path, kept_secrets(tmp_path), {"REDIS_URL": "ours"})
    assert (given["HEDGEAPP_SECRET_KEY"], given["REDIS_URL"]) == ("theirs", "ours")
    assert given["DATABASE_OWNER_URL"] == "postgresql://theirs"


def test_a_folder_that_is_up_names_its_process(tmp_path: Path) -> None:
    assert not is_up(tmp_path)
    with held_folder(tmp_path, "http://localhost:1"):
        assert is_up(tmp_path)
        with pytest.raises(FolderIsUp) as refusal, held_folder(tmp_path, "http://localhost:2"):
            pass
    assert "is already up at http://localhost:1" in str(refusal.value)
    assert f"kill {os.getpid()}" in str(refusal.value)
    assert not is_up(tmp_path)


def test_a_held_port_ends_the_command_with_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        environment = os.environ | {"PORT": port, "SANDBOX_PORT": str(free_port()), "HEDGEAPP_VAR": str(tmp_path)}
        run = subprocess.run(
            [sys.executable, "-m", "hedgeapp.up"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert run.returncode == 1
    assert run.stderr.startswith(f"Port {port} is needed; it is held by process {os.getpid()} (")
    assert "Traceback" not in run.stderr
