"""The installation refuses, in a sentence, a machine that it cannot serve."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hedgeapp.up.bootstrap import ROOT

OLD_PYTHONS = [f"python3.{minor}" for minor in (6, 7, 8, 9, 10)]
PREFLIGHT = "hedgeapp/up/preflight.py"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with nothing but what the installation reads."""
    folder = tmp_path / "a clone"
    (folder / "hedgeapp" / "up").mkdir(parents=True)
    for name in ("preflight.py", "bootstrap.py"):
        shutil.copy(ROOT / "hedgeapp" / "up" / name, folder / "hedgeapp" / "up")
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    return folder


def ran(command: list[str], clone: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    return subprocess.run(
        command, cwd=clone, env=given | environment, capture_output=True, text=True, check=False, timeout=100
    )


def refusal(run: subprocess.CompletedProcess[str]) -> str:
    """The one line of a refusal."""
    assert run.returncode != 0
    assert "Traceback" not in run.stderr
    (line,) = run.stderr.strip().splitlines()
    return line


@pytest.fixture
def old_python() -> str:
    """A Python that is too old; where the machine has one."""
    homes = [*Path.home().glob(".pyenv/versions/3.*/bin"), *map(Path, os.environ["PATH"].split(os.pathsep))]
    for name in OLD_PYTHONS:
        for home in homes:
            found = home / name
            if (
                found.exists()
                and subprocess.run([found, "-c", "pass"], capture_output=True, check=False).returncode == 0
            ):
                return str(found)
    pytest.skip("this machine has no Python older than 3.11")


def test_an_old_python_is_refused(clone: Path, old_python: str) -> None:
    sentence = refusal(ran([old_python, PREFLIGHT, "base"], clone, PATH="/nonexistent"))
    assert sentence.startswith("Python 3.11 or newer is needed; found only 3.")


def test_an_old_python_hands_over_to_a_newer_one(clone: Path, old_python: str, tmp_path: Path) -> None:
    (tmp_path / "python3.11").symlink_to(sys.executable)
    assert ran([old_python, PREFLIGHT, "clean"], clone, PATH=str(tmp_path)).returncode == 0


def test_another_platform_is_refused(clone: Path) -> None:
    if not shutil.which("setarch"):
        pytest.skip("this machine has no setarch to pose as another one")
    sentence = refusal(ran(["setarch", "i686", sys.executable, PREFLIGHT, "base"], clone))
    assert sentence.startswith("Linux on x86-64 with glibc 2.28 or newer is needed; found Linux i686")


def test_a_python_without_venv_is_refused(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "ensurepip.py").write_text("raise ImportError('no ensurepip')")
    sentence = refusal(ran([sys.executable, PREFLIGHT, "base"], clone, PYTHONPATH=str(tmp_path)))
    assert "venv and ensurepip modules are needed" in sentence
    assert "-venv" in sentence


def test_an_index_that_does_not_answer_is_named(clone: Path) -> None:
    unreachable = "http://127.0.0.1:9/simple"
    run = ran([sys.executable, PREFLIGHT, "base"], clone, PIP_INDEX_URL=unreachable, PIP_CONFIG_FILE=os.devnull)
    assert "A package index is needed; found none that answers" in refusal(run)
    assert not (clone / ".venv" / "installed.json").exists()


def test_a_disk_that_is_too_small_is_refused(clone: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    script = f'mount -t tmpfs -o size=4m none "$0" && cp -r . "$0" && cd "$0" && "$1" {PREFLIGHT} base'
    run = ran(["unshare", "--mount", "sh", "-c", script, str(small), sys.executable], clone)
    if "mount" in run.stderr or "unshare" in run.stderr:
        pytest.skip("a small disk can be mounted by root only")
    assert "MB of free disk are needed to install; found" in refusal(run)


def test_a_folder_that_cannot_be_written_is_refused(clone: Path) -> None:
    (clone / "var").write_text("a file where the folder ought to be")
    assert "A folder that can be written is needed" in refusal(ran([sys.executable, PREFLIGHT, "base"], clone))


def test_a_second_installation_waits_for_the_first(clone: Path) -> None:
    (clone / "var").mkdir()
    with (clone / "var" / "install.lock").open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second = subprocess.Popen([sys.executable, PREFLIGHT, "clean"], cwd=clone, stdout=subprocess.PIPE, text=True)
        assert second.stdout is not None
        assert "waiting" in second.stdout.readline()
        fcntl.flock(first, fcntl.LOCK_UN)
        assert second.wait(60) == 0


def test_clean_refuses_while_the_folder_is_up(clone: Path) -> None:
    (clone / "var").mkdir()
    with (clone / "var" / "up.lock").open("w") as running:
        fcntl.flock(running, fcntl.LOCK_EX)
        assert "this folder is up" in refusal(ran([sys.executable, PREFLIGHT, "clean"], clone))
    assert (clone / "var").exists()


def test_clean_removes_nothing_outside_the_folder(clone: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    (clone / "var").symlink_to(outside)
    (clone / ".venv").mkdir()
    assert ran([sys.executable, PREFLIGHT, "clean"], clone).returncode == 0
    assert (outside / "precious").exists()
    assert not (clone / ".venv").exists()
    assert not (clone / "var").is_symlink()


def test_the_installer_is_the_one_of_the_lock() -> None:
    pinned = (ROOT / "requirements" / "uv.txt").read_text().split()[0]
    for level in ("base", "dev"):
        assert f"\n{pinned} \\\n" in (ROOT / "requirements" / f"{level}.txt").read_text()


def test_every_package_of_base_is_in_dev_at_the_same_version() -> None:
    base, dev = (
        {line.split()[0] for line in (ROOT / "requirements" / f"{level}.txt").read_text().splitlines() if "==" in line}
        for level in ("base", "dev")
    )
    assert base <= dev
