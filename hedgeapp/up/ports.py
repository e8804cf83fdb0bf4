"""Ports: free ones, remembered ones, and who holds one."""

import os
import socket
from contextlib import suppress
from pathlib import Path

HOST = "127.0.0.1"
LISTENING = "0A"


class PortIsHeld(Exception):
    """Another process listens there."""


def reserve() -> tuple[int, socket.socket]:
    """Return a free port with the socket that keeps it: a server with SO_REUSEADDR can listen there nevertheless."""
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind((HOST, 0))
    return keeper.getsockname()[1], keeper


def free_port() -> int:
    """Return a port that is free now."""
    port, keeper = reserve()
    keeper.close()
    return port


def is_free(port: int) -> bool:
    """Say whether a server could listen on the port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError:
            return False
    return True


def remembered_port(file: Path) -> int:
    """Return the port noted in a file, or another one, noted there, where that is taken or none was noted."""
    with suppress(OSError, ValueError):
        port = int(file.read_text())
        if is_free(port):
            return port
    port = free_port()
    file.write_text(f"{port}\n")
    return port


def noted_port(file: Path) -> int:
    """Return the port noted in a file, where a server listens by now."""
    return int(file.read_text())


def require_free(port: int, variable: str) -> None:
    """Refuse a port that is held, naming the holder."""
    if not is_free(port):
        raise PortIsHeld(
            f"Port {port} is needed; it is held by {holder(port)}: stop that process, or choose another port with "
            f"{variable}=<port>."
        )


def holder(port: int) -> str:
    """Describe the process that listens on a port: its id and command, as far as this user may see."""
    inodes = _listening_inodes(port)
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                with suppress(OSError):
                    if os.readlink(descriptor) in inodes:
                        return f"process {process.name} ({command_of(int(process.name))})"
    return "a process of another user"


def command_of(pid: int) -> str:
    """Return the command line of a process, shortened; a number where it has ended."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        return words if len(words) <= 100 else f"{words[:99]}…"
    return "ended"


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    return inodes
