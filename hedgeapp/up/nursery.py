"""Nursery: starts our processes as forks of one that has imported what they need, in no time."""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from hedgeapp.up.bootstrap import ROOT
from hedgeapp.up.cradle import MODULES, REQUEST_BYTES_MAX
from hedgeapp.up.identity import die_with_parent
from hedgeapp.up.voice import Voice

# What a worker reads when it starts; all other variables are read with the imports, so they must be the same in all.
OWN: Final = frozenset({"HEDGEAPP_SERVICES", "HEDGEAPP_DESK", "HEDGEAPP_NICE"})
ANSWER_BYTES_MAX: Final = 64
IMPORTED_S_MAX: Final = 60.0
BORN_S_MAX: Final = 5.0
PR_SET_CHILD_SUBREAPER: Final = 36

_libc = ctypes.CDLL(None, use_errno=True)


class Born:
    """A process that another one forked and left to us: our child, though not of our making."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._handle = os.pidfd_open(pid)
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(self._handle, self._on_end)

    def _on_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)
        _, status = os.waitpid(self.pid, 0)
        self.returncode = os.waitstatus_to_exitcode(status)
        if not self._ended.done():
            self._ended.set_result(None)

    async def wait(self) -> int:
        """Wait until it ends and return its code, negative for a signal."""
        await asyncio.shield(self._ended)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal; nothing happens when it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)


class Nursery:
    """The process that is forked, from its start to its end, and what is asked of it."""

    def __init__(self, environment: Mapping[str, str], voice: Voice) -> None:
        self._environment = dict(environment)
        self._voice = voice
        self._turn = asyncio.Lock()
        self._door: socket.socket | None = None
        self._cradle: asyncio.subprocess.Process | None = None
        self._imported: set[str] = set()

    async def __aenter__(self) -> "Nursery":
        """Start the process; it imports what comes first while the rest of the stack comes up."""
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the process; what was born of it lives on."""
        await self._close()

    @property
    def pid(self) -> int | None:
        """The id of the process that is forked."""
        return self._cradle.pid if self._cradle else None

    def bears(self, command: Sequence[str], environment: Mapping[str, str]) -> bool:
        """Tell whether a command is one that can be forked, whose settings are those of all."""
        names = {*environment, *self._environment}
        differing = {name for name in names if environment.get(name) != self._environment.get(name)}
        return len(command) > 2 and command[1] == "-m" and command[2] in MODULES and differing <= OWN

    async def born(self, command: Sequence[str], environment: Mapping[str, str], mouth: int) -> Born | None:
        """Return a new process of a command, which says what it says to `mouth`; None when none could be had."""
        request = json.dumps({"command": list(command), "environment": dict(environment)}).encode()
        if len(request) > REQUEST_BYTES_MAX:
            return None
        async with self._turn:
            try:
                await self._have_imported(command[2])
                with _orphans_adopted():
                    return Born(int(await self._answer(request, (mouth,), within_s=BORN_S_MAX)))
            except (OSError, TimeoutError, EOFError) as error:
                said = f"could not be forked ({type(error).__name__}: {error}) and is started from nothing"
                self._voice.say(f"{' '.join(command[2:])} {said}")
                await self._close()
                await self._open()
                return None

    async def _open(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            self._cradle = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "hedgeapp.up.cradle",
                cwd=ROOT,
                env=self._environment,
                stdin=theirs.fileno(),
                stdout=sys.stderr,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )
        self._door, self._imported = ours, set()

    async def _close(self) -> None:
        if self._door:
            self._door.close()
            self._door = None
        if self._cradle and self._cradle.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._cradle.kill()
            await self._cradle.wait()

    async def _have_imported(self, module: str) -> None:
        if module not in self._imported:
            await self._answer(json.dumps({"module": module}).encode(), (), within_s=IMPORTED_S_MAX)
            self._imported.add(module)

    async def _answer(self, asked: bytes, handles: Sequence[int], *, within_s: float) -> bytes:
        assert self._door is not None
        socket.send_fds(self._door, [asked], handles)
        async with asyncio.timeout(within_s):
            answer = await asyncio.get_running_loop().sock_recv(self._door, ANSWER_BYTES_MAX)
        if not answer:
            raise EOFError("the process that is forked has ended")
        return answer


@contextlib.contextmanager
def _orphans_adopted() -> Iterator[None]:
    """Make processes whose parent ends our children, for as long as this lasts."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
