"""Steps: what must be done once before the processes start, each skipped when nothing changed since."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

from hedgeapp.up import freshness
from hedgeapp.up.supervisor import CommandFailed, completed
from hedgeapp.up.voice import Voice

MANAGE = (sys.executable, "manage.py")


class Steps:
    """The steps of one start, in one data folder, with one environment."""

    def __init__(self, var: Path, environment: Mapping[str, str], voice: Voice) -> None:
        self._environment = environment
        self._voice = voice
        self._stamp = var / "static.stamp"
        self._static = var / "static"
        self._world = var / "sandbox"

    async def collect_static(self) -> None:
        """Copy the static files of all packages to where the web process serves them from."""
        wanted = await asyncio.to_thread(freshness.of_static_files)
        if self._static.is_dir() and self._stamp.exists() and self._stamp.read_text() == wanted:
            return
        await self._do("collect static files", [*MANAGE, "collectstatic", "--noinput", "--clear", "-v0"])
        self._stamp.write_text(wanted)

    async def describe_world(self) -> None:
        """Let the sandbox write down its venues, accounts and keys."""
        self._world.mkdir(exist_ok=True, mode=0o700)
        place = ["--port", self._environment["SANDBOX_PORT"], "--folder", str(self._world)]
        await self._do("describe the sandbox", [sys.executable, "-m", "sandbox", "describe", *place])

    async def migrate(self) -> None:
        """Bring the tables up to date, as their owner."""
        await self._once("migrate", freshness.of_schema(), [*MANAGE, "migrate", "--database=owner", "--noinput", "-v0"])

    async def seed(self) -> None:
        """Load what the sandbox described."""
        files = [self._world / "reference.toml", self._world / "credentials.json"]
        await self._once("seed", freshness.digest(files), [*MANAGE, "seed", *map(str, files)])

    async def one_time_login(self) -> str:
        """Return a new link that logs the operator in once, or why there is none."""
        try:
            said = await completed("one-time login", [*MANAGE, "one_time_login"], self._environment)
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

    async def _do(self, label: str, command: list[str]) -> None:
        with self._voice.step(label):
            await completed(label, command, self._environment)
