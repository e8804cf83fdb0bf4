"""Supervisor: keep a child process running, pass on what it says, and leave nothing of it behind."""

import asyncio
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress

from hedgeapp.up.bootstrap import ROOT
from hedgeapp.up.identity import Preparation, die_with_parent
from hedgeapp.up.nursery import Born, Nursery
from hedgeapp.up.voice import Voice

PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)  # before the first, second, … restart in a row; the last one repeats
LIVED_WELL_S = 30.0  # a child that ran this long starts again at the first pause
STOP_S_MAX = 8.0  # between the polite signal and SIGKILL
LAST_WORDS_S = 0.5  # for what the process had still said when it ended
LINE_BYTES_MAX = 16_384
CHUNK_BYTES = 65_536
LAST_LINES = 20  # of a quiet child, shown when it dies


class CommandFailed(Exception):
    """A step's command ended with an error."""


class Child:
    """A process that is started again whenever it ends, until it is stopped."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        voice: Voice,
        *,
        prepare: Preparation | None = None,
        polite: signal.Signals = signal.SIGTERM,
        deadly: signal.Signals = signal.SIGKILL,
        quiet: bool = False,
        nursery: Nursery | None = None,
    ) -> None:
        """Describe the process; `polite` asks it to end, `deadly` is what it gets when the supervisor is killed.

        One that a nursery can bear is forked there.
        """
        self.name = name
        self.restarts = 0
        self._command = command
        self._environment = environment
        self._voice = voice
        self._prepare = prepare
        self._polite, self._deadly = polite, deadly
        self._quiet = quiet
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._nursery = nursery if nursery and nursery.bears(command, environment) else None
        self._process: asyncio.subprocess.Process | Born | None = None
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The id of the running process."""
        return self._process.pid if self.is_alive and self._process else None

    @property
    def is_alive(self) -> bool:
        """Whether the process runs at this moment."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the process, and keep it running from now on."""
        await self._spawn()
        self._running = asyncio.create_task(self._keep_running(), name=self.name)

    async def stop(self, bound_s: float = STOP_S_MAX) -> None:
        """Ask the process to end, wait, and kill what is left of its group."""
        self._stopping.set()
        if self._running is None:
            return
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(self._polite)
        done, _ = await asyncio.wait([self._running], timeout=bound_s)
        if not done:
            self._voice.say(f"did not end within {bound_s:.0f} s; killed", self.name)
            self._kill_group()
            await self._running

    def kill(self) -> None:
        """End the process at once, without asking."""
        self._stopping.set()
        self._kill_group()

    async def _spawn(self) -> None:
        self._started = time.monotonic()
        # A pipe of our own: on asyncio's, wait() would last until the last grandchild closes it.
        ear, mouth = os.pipe()
        try:
            born = await self._nursery.born(self._command, self._environment, mouth) if self._nursery else None
            self._process = born or await self._executed(mouth)
        except BaseException:
            os.close(ear)
            raise
        finally:
            os.close(mouth)
        self._ear = ear

    async def _executed(self, mouth: int) -> asyncio.subprocess.Process:
        prepare, follow = self._prepare, die_with_parent(self._deadly)

        def in_child() -> None:
            if prepare:
                prepare()
            follow()  # last: a change of identity would undo it

        return await asyncio.create_subprocess_exec(
            *self._command,
            cwd=ROOT,
            env=dict(self._environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=mouth,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=in_child,
        )

    async def _keep_running(self) -> None:
        in_a_row = 0
        while True:
            await self._live()
            in_a_row = 0 if time.monotonic() - self._started >= LIVED_WELL_S else in_a_row + 1
            pause_s = PAUSES_S[min(max(in_a_row - 1, 0), len(PAUSES_S) - 1)]
            if not self._stopping.is_set():
                self.restarts += 1
                self._report_death(pause_s)
            if not await self._is_spawned_again(pause_s):
                return

    async def _is_spawned_again(self, pause_s: float) -> bool:
        """Start the process after a pause, however often that takes; say no when it is to stop instead."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)
                return False
            try:
                await self._spawn()
                return True
            except (OSError, subprocess.SubprocessError) as error:
                pause_s = PAUSES_S[-1]
                self._voice.say(f"{self.name} cannot be started: {error}; next attempt in {pause_s:g} s")

    async def _live(self) -> None:
        """Pass on what the process says until it ends."""
        assert self._process is not None
        stream = asyncio.StreamReader()
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(self._ear, "rb")
        )
        listening = asyncio.create_task(self._listen(stream))
        await self._process.wait()
        self._kill_group()
        await asyncio.wait([listening], timeout=LAST_WORDS_S)
        listening.cancel()
        pipe.close()

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await stream.read(CHUNK_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LINE_BYTES_MAX:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._hear(line)
        if rest:
            self._hear(rest)

    def _hear(self, line: bytes) -> None:
        text = line[:LINE_BYTES_MAX].decode(errors="replace").rstrip()
        if not text:
            return
        if self._quiet:
            self._last.append(text)
        else:
            self._voice.say(text, self.name)

    def _report_death(self, pause_s: float) -> None:
        assert self._process is not None
        for line in self._last:
            self._voice.say(line, self.name)
        self._last.clear()
        how = ended_how(self._process.returncode)
        self._voice.say(f"{self.name} (process {self._process.pid}) {how}; restart {self.restarts} in {pause_s:g} s")

    def _kill_group(self) -> None:
        if self._process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def ended_how(code: int | None) -> str:
    """Say how a process ended, from its return code."""
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


async def completed(label: str, command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run a step's command to its end and return its standard output.  Raises CommandFailed with its last words."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGKILL),
    )
    try:
        said, complained = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    if process.returncode:
        last = "\n".join((complained or said).decode(errors="replace").strip().splitlines()[-LAST_LINES:])
        raise CommandFailed(f"The step '{label}' {ended_how(process.returncode)}; it said:\n{last}")
    return said.decode(errors="replace")
