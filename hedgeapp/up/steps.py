"""Steps: what must be done once before the processes start, each skipped when nothing changed since."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

from hedgeapp.up import freshness
from hedgeapp.up.supervisor import CommandFailed, completed
from hedgeapp.up.voice import Voice

MANAGE = (sys.executable, "manage.py")
GENTLY = (sys.executable, "-m", "hedgeapp.niceness", "19")


class Steps:
    """The steps of one start, in one data folder, with one environment."""

    def __init__(self, var: Path, environment: Mapping[str, str], voice: Voice) -> None:
        self._environment = environment
        self._voice = voice
        self._var = var
        self._world = var / "sandbox"
        self._described = [self._world / "reference.toml", self._world / "credentials.json"]
        self._gate = self._world / "gate.toml"

    async def collect_static(self) -> None:
        """Copy the static files of all packages to where the web process serves them from."""
        wanted = await asyncio.to_thread(freshness.of_static_files)
        command = [*MANAGE, "collectstatic", "--noinput", "--clear", "-v0"]
        await self._unless_stamped("collect static files", "static", wanted, [self._var / "static"], command)

    async def describe_world(self) -> None:
        """Let the sandbox write down its venues, accounts and keys."""
        self._world.mkdir(exist_ok=True, mode=0o700)
        port = self._environment["SANDBOX_PORT"]
        wanted = f"{port} {await asyncio.to_thread(freshness.of_world)}"
        command = [sys.executable, "-m", "sandbox", "describe", "--port", port, "--folder", str(self._world)]
        results = [*self._described, self._gate]
        await self._unless_stamped("describe the sandbox", "sandbox", wanted, results, command)

    async def migrate(self) -> None:
        """Bring the tables up to date, as their owner."""
        await self._once("migrate", freshness.of_schema(), [*MANAGE, "migrate", "--database=owner", "--noinput", "-v0"])

    async def seed(self) -> None:
        """Load what the sandbox described, and the rules that its moves pass while nobody has agreed on others."""
        await self._once("seed", freshness.digest(self._described), [*MANAGE, "seed", *map(str, self._described)])
        await self._once("seed the gate", freshness.digest([self._gate]), [*MANAGE, "seed_gate", str(self._gate)])

    async def one_time_login(self) -> str:
        """Return a new link that logs the operator in once, or why there is none."""
        try:
            # Gently: it runs while the processes start, and they are what everybody waits for.
            said = await completed("one-time login", [*GENTLY, *MANAGE[1:], "one_time_login"], self._environment)
        except CommandFailed as error:
            return str(error)
        return next((word for word in reversed(said.split()) if word.startswith("http")), said.strip())

    async def _once(self, label: str, wanted: str, command: list[str]) -> None:
        url = self._environment["DATABASE_OWNER_URL"]
        notes = await asyncio.to_thread(freshness.noted, url)
        if notes.get(label) == wanted:
            return
        await self._do(label, command)
        await asyncio.to_thread(freshness.note, url, notes | {label: wanted})

    async def _unless_stamped(
        self, label: str, stamp: str, wanted: str, results: list[Path], command: list[str]
    ) -> None:
        note = self._var / f"{stamp}.stamp"
        if note.exists() and note.read_text() == wanted and all(result.exists() for result in results):
            return
        await self._do(label, command)
        note.write_text(wanted)

    async def _do(self, label: str, command: list[str]) -> None:
        with self._voice.step(label):
            await completed(label, command, self._environment)
