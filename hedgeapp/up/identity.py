"""Identity: who PostgreSQL runs as, since it refuses to run as root.

Nothing is created on the machine and no folder above the project changes: either the child lives in a user namespace
where root wears an ordinary number, or it becomes the account `nobody` (docs/decisions/0010).
"""

import ctypes
import os
import pwd
import signal
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
CLONE_NEWUSER = 0x10000000
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522
NOBODY = 65534
PROBE_TIMEOUT_S = 10

_libc = ctypes.CDLL(None, use_errno=True)

Preparation = Callable[[], None]  # runs in the child between fork and exec


class RootCannotRunPostgresql(Exception):
    """No way was found to run PostgreSQL for root."""


def die_with_parent(deadly: signal.Signals, parent: int | None = None) -> Preparation:
    """Return a preparation by which the kernel sends the child a signal when the thread that started it ends.

    `parent` is its process, this one where none is given.
    """
    parent = os.getpid() if parent is None else parent

    def prepare() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(deadly), 0, 0, 0)
        if os.getppid() != parent:  # it ended before the line above
            os._exit(1)

    return prepare


def for_postgresql(folder: Path, program: Path) -> Preparation:
    """Return the preparation under which a program that refuses root runs; the folder becomes its own.

    Raises RootCannotRunPostgresql where neither way works on this machine.
    """
    if os.geteuid() != 0:
        return _as_is
    nobody = _nobody()
    ways = [(0, _in_user_namespace), (nobody, _as_nobody), (nobody, _as_nobody_who_may_pass)]
    present = folder.stat().st_uid
    for owner, prepare in sorted(ways, key=lambda way: way[0] != present):  # what served before is tried first
        if _gives(folder, owner) and _works(prepare, folder, program):
            return prepare
    raise RootCannotRunPostgresql(
        "PostgreSQL refuses to run as root, and this machine allows neither a user namespace nor a change to the "
        "account 'nobody': run the command as an ordinary user, or name a server in DATABASE_URL."
    )


def _as_is() -> None: ...


def _in_user_namespace() -> None:
    """Become an ordinary number inside a namespace; outside it stays root, without any capability."""
    nobody, group = _nobody(), os.getegid()  # asked before: inside, nothing is mapped yet
    _must(_libc.unshare(CLONE_NEWUSER), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{nobody} 0 1")
    Path("/proc/self/gid_map").write_text(f"{nobody} {group} 1")


def _as_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(_nobody(), _nobody(), _nobody())


def _as_nobody_who_may_pass() -> None:
    """Become nobody, but keep passing through folders that are closed to others, such as root's home."""
    _must(_libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keepcaps")
    _as_nobody()
    kept = 1 << CAP_DAC_OVERRIDE
    header, data = struct.pack("Ii", CAPABILITY_VERSION_3, 0), struct.pack("6I", kept, kept, kept, 0, 0, 0)
    _must(_libc.capset(header, data), "capset")
    _must(_libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0), "ambient")


def _must(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), what)


def _nobody() -> int:
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return NOBODY


def _gives(folder: Path, owner: int) -> bool:
    """Make the folder and what is in it the owner's, where it is not yet; say whether that was possible."""
    try:
        if folder.stat().st_uid != owner:
            for path in (*folder.rglob("*"), folder):  # the folder last: its owner says that all is done
                os.chown(path, owner, -1, follow_symlinks=False)
    except OSError:
        return False
    return True


def _works(prepare: Preparation, folder: Path, program: Path) -> bool:
    test: list[str | Path] = [
        "/bin/sh",
        "-c",
        '[ -x "$1" ] && [ -w "$2" ] && cd "$2" && exec "$1" --version',
        "sh",
        program,
        folder,
    ]
    try:
        probe = subprocess.run(test, preexec_fn=prepare, capture_output=True, timeout=PROBE_TIMEOUT_S, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return probe.returncode == 0
