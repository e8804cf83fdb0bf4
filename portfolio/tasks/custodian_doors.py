"""Custodian doors: a gateway to each custodian, made anew when what it is made of changes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from hedgeapp.core.records import record
from hedgeapp.core.reference import Asset, Custodian
from hedgeapp.logs import redacted
from marketdata.feeds.ceffu.feed import SpellingIsAmbiguous
from marketdata.feeds.ceffu.wire import SecretIsMalformed
from marketdata.operations.credentials import FieldKeyIsMalformed, FieldKeysDoNotDecrypt, FieldKeysMissing
from marketdata.queries.credentials import CredentialMissing, Keys, keys_of, versions_of
from portfolio.gateways.ceffu import CeffuGateway
from portfolio.queries.books import FOLLOWING

LOOK_S: Final = 1.0  # how often custodians and keys are looked at
GATEWAYS: Final = {"ceffu": CeffuGateway}  # by protocol
MISSING: Final = (  # what only people can change
    CredentialMissing,
    FieldKeyIsMalformed,
    FieldKeysDoNotDecrypt,
    FieldKeysMissing,
    SecretIsMalformed,
    SpellingIsAmbiguous,
)

log = structlog.get_logger()


class CustodianIsShut(Exception):
    """A custodian cannot be spoken to."""


@record
class Setup:
    """What a gateway is made of; `version` tells one set of keys from another."""

    custodian: Custodian
    assets: tuple[Asset, ...]
    version: str


class CustodianDoors:
    """The gateways of one process."""

    def __init__(self, in_database: Callable[..., Awaitable[Any]]) -> None:
        self._in_database = in_database
        self._setups: dict[str, Setup] = {}
        self._open: dict[str, CeffuGateway] = {}
        self._shut: dict[str, str] = {}  # custodians that have no gateway, and why

    async def keep(self) -> None:
        """Keep a gateway open to every custodian, until canceled."""
        while True:
            try:
                await self.look()
            except Exception as error:  # the database is away: the gateways that are open stay so
                log.warning("doors.look_failed", error=redacted(str(error)), error_kind=type(error).__name__)
            await asyncio.sleep(LOOK_S)

    async def close(self) -> None:
        """Close every gateway."""
        await asyncio.gather(*(gateway.close() for gateway in self._open.values()), return_exceptions=True)

    def of(self, custodian: str) -> CeffuGateway:
        """Return a custodian's gateway, or raise CustodianIsShut with the reason."""
        gateway = self._open.get(custodian)
        if gateway is None:
            raise CustodianIsShut(
                self._shut.get(custodian) or f"an enabled custodian with keys to trade with expected, found {custodian}"
            )
        return gateway

    def all(self) -> dict[str, CeffuGateway]:
        """Return the gateways that are open, by custodian."""
        return dict(self._open)

    async def look(self) -> None:
        """Make the gateways that are missing or have changed, and close those that are no more wanted."""
        setups: dict[str, Setup] = await self._in_database(_setups)
        for name in self._setups.keys() - setups.keys():
            await self._close(name)
        self._shut = {name: because for name, because in self._shut.items() if name in setups}
        for name, setup in setups.items():
            if setup != self._setups.get(name) or name not in self._open.keys() | self._shut.keys():
                await self._make(setup)

    async def _make(self, setup: Setup) -> None:
        name = setup.custodian.name
        await self._close(name)
        self._setups[name] = setup
        maker = GATEWAYS.get(setup.custodian.protocol)
        if maker is None:
            known = ", ".join(GATEWAYS)
            self._shut[name] = f"a protocol that moves are sent by ({known}) expected, found {setup.custodian.protocol}"
            return
        try:
            keys: Keys = await self._in_database(keys_of, name, "trade")
            gateway = maker(setup.custodian, setup.assets, keys)
        except MISSING as missing:
            self._shut[name] = str(missing)
            return
        self._shut.pop(name, None)
        self._open[name] = gateway
        log.info("door.open", custodian=name)

    async def _close(self, name: str) -> None:
        self._setups.pop(name, None)
        gateway = self._open.pop(name, None)
        if gateway is not None:
            await gateway.close()


def _setups() -> dict[str, Setup]:
    with FOLLOWING.held() as book:
        custodians = [one for one in book.catalogue.custodians.values() if one.is_enabled]
        assets = tuple(book.catalogue.assets.values())
    versions = versions_of("trade")
    return {one.name: Setup(custodian=one, assets=assets, version=versions.get(one.name, "")) for one in custodians}
