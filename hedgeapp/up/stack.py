"""Stack: the order in which the world comes up, and goes down again."""

import asyncio
import os
import signal
import time
from collections.abc import Collection, Iterable, Mapping

from hedgeapp.up.bootstrap import ROOT
from hedgeapp.up.environment import PORT, folder, for_children, kept_secrets
from hedgeapp.up.lock import held_folder
from hedgeapp.up.nursery import Nursery
from hedgeapp.up.ports import remembered_port, require_free
from hedgeapp.up.procfile import Process, processes, public
from hedgeapp.up.readiness import reason_not_ready
from hedgeapp.up.servers import missing, running
from hedgeapp.up.steps import Steps
from hedgeapp.up.supervisor import Child
from hedgeapp.up.voice import Voice

SANDBOX = "sandbox"
WEB = "web"
LATE = ("reconciliation", "moves")  # nobody waits for them: they start when the rest is ready, or after LATE_S_MAX
LATE_S_MAX = 30.0
LOOK_S = 0.1
PATIENCE_S = 20.0  # after so long without readiness the reason is said, and again after as long


class ProcessIsUnknown(Exception):
    """A name that is not in the Procfile."""


class Stack:
    """The processes of the Procfile over their servers, in one data folder."""

    def __init__(self, voice: Voice, only: Collection[str] = ()) -> None:
        """Describe the stack: all processes, or `only` those named."""
        self._voice = voice
        self._only = only
        self._children: list[Child] = []
        self._nursery: Nursery | None = None
        self._asked_to_stop = asyncio.Event()
        self._started = time.monotonic()

    async def run(self) -> None:
        """Bring everything up, keep it running until a signal comes, bring everything down."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)
        working = asyncio.create_task(self._work())
        asked = asyncio.create_task(self._asked_to_stop.wait())
        await asyncio.wait([working, asked], return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        working.cancel()
        try:
            await working
        except asyncio.CancelledError:
            self._voice.say("stopped; nothing is left running")

    def _on_signal(self) -> None:
        if self._asked_to_stop.is_set():
            self._voice.say("asked again: killing what still runs")
            for child in self._children:
                child.kill()
        else:
            self._voice.say("stopping")
            self._asked_to_stop.set()

    async def _work(self) -> None:
        var = folder()
        with held_folder(var, f"http://localhost:{os.environ.get('PORT', PORT)}"):
            servers = missing(var, remembered_port)
            environment = for_children(var, kept_secrets(var), servers.urls)
            wanted = self._wanted(environment)
            for name, variable in ((WEB, "PORT"), (SANDBOX, "SANDBOX_PORT")):
                if name in wanted:
                    require_free(int(environment[variable]), variable)
            steps = Steps(var, environment, self._voice)
            if not set(wanted) - {SANDBOX}:  # the outside world needs no database of ours
                await steps.describe_world()
                await self._live(wanted, steps, environment)
            await steps.collect_static()  # first: their list is read with the imports
            async with Nursery(public(environment), self._voice) as self._nursery, asyncio.TaskGroup() as group:
                early = [group.create_task(steps.describe_world())] if SANDBOX in wanted else []
                async with running(servers, self._voice):
                    await steps.migrate()
                    await asyncio.gather(*early)
                    if SANDBOX in wanted:
                        await steps.seed()
                    await self._live(wanted, steps, environment)

    def _wanted(self, environment: Mapping[str, str]) -> dict[str, Process]:
        """Leave out what was not asked for, and the sandbox where the world is real."""
        is_real = environment["HEDGEAPP_ENV"] != "SANDBOX"
        found = {process.name: process for process in processes(ROOT / "Procfile", environment)}
        unknown = set(self._only) - set(found)
        if unknown:
            raise ProcessIsUnknown(
                f"--only takes names of the Procfile ({', '.join(found)}); found {', '.join(unknown)}."
            )
        return {
            name: process
            for name, process in found.items()
            if (not self._only or name in self._only) and not (is_real and name == SANDBOX)
        }

    async def _live(self, wanted: Mapping[str, Process], steps: Steps, environment: Mapping[str, str]) -> None:
        """Run the processes until canceled."""
        try:
            late = [name for name in wanted if name in LATE and WEB in wanted]
            await self._start(process for name, process in wanted.items() if name not in late)
            if WEB in wanted:
                async with asyncio.TaskGroup() as group:
                    link = group.create_task(steps.one_time_login())
                    ready = group.create_task(self._announce(int(environment["PORT"]), link))
                    await asyncio.wait({ready}, timeout=LATE_S_MAX)
                    await self._start(wanted[name] for name in late)
            await asyncio.Event().wait()
        finally:
            # The outside world goes last: nobody shall find it missing.
            for of_world in (False, True):
                await asyncio.gather(*(child.stop() for child in self._children if (child.name == SANDBOX) == of_world))

    async def _start(self, wanted: Iterable[Process]) -> None:
        """Start processes; those that need not be forked do not wait for those that do."""
        children = [
            Child(process.name, process.command, process.environment, self._voice, nursery=self._nursery)
            for process in wanted
        ]
        self._children += children
        async with asyncio.TaskGroup() as group:
            for child in children:
                group.create_task(child.start())

    async def _announce(self, port: int, link: asyncio.Task[str]) -> None:
        """Say where the stack is and how to log in, once it is ready; while it is not, say why and how long."""
        url = f"http://localhost:{port}"
        said = self._started
        is_told = False
        while (reason := await reason_not_ready(port)) is not None:
            if time.monotonic() - said >= PATIENCE_S:
                said = time.monotonic()
                self._voice.say(f"{url} is not ready after {said - self._started:.0f} s: {reason}")
                if not is_told and link.done():
                    is_told = True
                    self._voice.say(f"log in, once: {link.result()}")
            await asyncio.sleep(LOOK_S)
        self._voice.say(f"ready after {time.monotonic() - self._started:.1f} s: {url}")
        if not is_told:
            self._voice.say(f"log in, once: {await link}")
