"""Fixtures of the tests of bringing the stack up."""

import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hedgeapp.up.voice import Voice


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder that nobody but its owner may enter, with a space in a name below it."""
    with tempfile.TemporaryDirectory() as folder:
        below = Path(folder) / "a project"
        below.mkdir()
        assert Path(folder).stat().st_mode & 0o777 == 0o700
        yield below


@pytest.fixture
def said() -> io.StringIO:
    """What the voice said."""
    return io.StringIO()


@pytest.fixture
def voice(said: io.StringIO) -> Voice:
    """A voice whose words a test can read."""
    return Voice(said)


@pytest.fixture
def own_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server is named in the environment, as on a bare machine."""
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_MOVES_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused by PostgreSQL")
