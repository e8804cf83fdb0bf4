"""A browser on the real web process: uvicorn, PostgreSQL and Valkey, with frames that a test publishes itself."""

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.client import HTTPConnection
from inspect import signature
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
import redis
from channels.db import database_sync_to_async
from channels.layers import channel_layers
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect

from hedgeapp.up.ports import free_port
from tests.builders.passwords import QuickArgon2
from tests.chromium import launch_options

ROOT = Path(__file__).resolve().parents[2]
ONE_LOOP = pytest.mark.asyncio(loop_scope="session")  # the browser's, which all tests share
READY_S_MAX = 180.0  # on a busy machine
NAME, PASSWORD = "desk", "a long enough password"

SLOW_MS = 90_000  # what a busy machine may take
expect.set_options(timeout=SLOW_MS)

# Runs in the page before anything else: what the policy refused is kept for the test.
WATCH = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) =>
  refused.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


KEPT_BY_PAGES = "cookies,local_storage,indexeddb,cache_storage,service_workers"

# What htmx says of a question that got no answer in time: the page says so too, and how busy a machine is, is nobody's
# error. An answer that is an error and a server that is gone have other names.
IN_VAIN = ("htmx:timeout", "htmx:sendAbort", "htmx:afterRequest")


class Web:
    """The web process, which a test may stop and start again on the same port."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self._environment = environment | {"HEDGEAPP_ORIGIN": self.url}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = ["uvicorn", "hedgeapp.asgi:application", "--port", str(self.port), "--log-level", "warning"]
        self._process = subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=self._environment)
        until = time.monotonic() + READY_S_MAX
        while time.monotonic() < until:
            try:
                asked = HTTPConnection("127.0.0.1", self.port, timeout=5)
                asked.request("GET", "/healthz")
                if asked.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise TimeoutError(f"the web process was expected to answer within {READY_S_MAX:.0f} s")

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def web_environment(django_db_setup: None) -> dict[str, str]:
    """Return the environment of a process on the tests' servers, with its static files collected."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    environment = os.environ | {"DATABASE_URL": url, "DATABASE_OWNER_URL": url}
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"],
        cwd=ROOT,
        env=environment,
        check=True,
    )
    return environment


@pytest.fixture(scope="session")
def running_web(web_environment: dict[str, str]) -> Iterator[Web]:
    """Return a web process that lives as long as the session."""
    web = Web(web_environment)
    web.start()
    yield web
    web.kill()


@pytest.fixture
def web(running_web: Web, transactional_db: None) -> Iterator[Web]:
    """Return the web process with one person and an empty screen."""
    quick = QuickArgon2().encode(PASSWORD, "a salt for tests")
    User.objects.create(username=NAME, password=quick, is_staff=True, is_superuser=True)
    with redis.from_url(settings.REDIS_URL) as store:
        store.delete("screen:frame")
    channel_layers.backends.clear()
    yield running_web
    channel_layers.backends.clear()


def _session() -> str:
    client = Client()
    client.force_login(User.objects.get(username=NAME))
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def complaints(page: Page) -> list[str]:
    """Return a list that keeps growing by what a page finds wrong."""
    found: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(IN_VAIN):
            found.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


class Watched:
    """A page with everything that went wrong in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.errors = complaints(page)

    async def refused(self) -> list[str]:
        """Return what the content security policy refused."""
        found: list[str] = await self.page.evaluate("window.refused")
        return found

    async def log_in(self, path: str = "/") -> None:
        """Let the person be logged in, and open a page."""
        cookie = await database_sync_to_async(_session)()
        await self.page.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": self.url, "httpOnly": True}]
        )
        await self.page.goto(f"{self.url}{path}")

    async def log_in_by_form(self, name: str = NAME, path: str = "/") -> None:
        """Log in as a person does, on the way to a page."""
        await self.page.goto(f"{self.url}{path}")
        await self.page.get_by_label("Name").fill(name)
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Log in").click()
        await self.page.wait_for_url(f"{self.url}{path}")

    async def text(self, id: str) -> str:
        """Return the number in a cell."""
        return await self.page.locator(f"#{id} b").inner_text()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Return a browser for all tests of this folder: to start one costs more than most tests."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        yield browser
        await browser.close()


@asynccontextmanager
async def _fresh(browser: Browser) -> AsyncIterator[BrowserContext]:
    async with await browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme="dark") as context:
        context.set_default_timeout(SLOW_MS)
        await context.add_init_script(WATCH)
        yield context


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def profile(browser: Browser) -> AsyncIterator[BrowserContext]:
    """Return a profile that remembers what it has fetched: most of a first visit is scripts."""
    async with _fresh(browser) as context:
        await context.new_page()  # which stays, and empties it
        yield context


@pytest_asyncio.fixture(loop_scope="session")
async def context(
    request: pytest.FixtureRequest, browser: Browser, profile: BrowserContext, web: Web
) -> AsyncIterator[BrowserContext]:
    """Return a profile at the desk's smallest size: fresh for a test that asks for it, else the common one."""
    if "context" in signature(request.function).parameters:
        async with _fresh(browser) as context:
            yield context
        return
    yield profile
    await _emptied(profile, web.url)


async def _emptied(profile: BrowserContext, url: str) -> None:
    """Close all pages and forget all that a page may have kept; what the server lets a browser keep stays."""
    stays, *others = profile.pages
    for page in others:
        await page.close()
    devtools = await profile.new_cdp_session(stays)
    await devtools.send("Storage.clearDataForOrigin", {"origin": url, "storageTypes": KEPT_BY_PAGES})
    await devtools.detach()
    await profile.clear_cookies()
    await profile.clear_permissions()


@pytest_asyncio.fixture(loop_scope="session")
async def desk(context: BrowserContext, web: Web) -> Watched:
    """Return a page that is not logged in yet."""
    return Watched(await context.new_page(), web.url)
