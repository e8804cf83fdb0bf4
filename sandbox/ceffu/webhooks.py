"""Webhooks of the sandbox custodian: deposits and withdrawals told to one URL, signed, until it answers 200."""

import asyncio
import base64
import contextlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import aiohttp
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.ceffu.keys import kept_once, new_pair, private_key
from sandbox.ledger import Ledger, Numbers
from sandbox.rows import Notice

log = logging.getLogger(__name__)

DEPOSIT_SUCCESS, DEPOSIT_FAILED, WITHDRAWAL_SUCCESS, WITHDRAWAL_FAILED = 1, 2, 3, 4
EVENTS: Final = (DEPOSIT_SUCCESS, DEPOSIT_FAILED, WITHDRAWAL_SUCCESS, WITHDRAWAL_FAILED)
KEY_FILE: Final = "ceffu.webhook.json"
PUBLIC_KEY_FILE: Final = "ceffu.webhook.pem"
WAITING, DELIVERED, GIVEN_UP = "waiting", "delivered", "failed"
LOOK_S: Final = 0.1
ANSWER_S_MAX: Final = 10.0
WAITING_MAX: Final = 1_000
AGE_MS_MAX: Final = 180 * 86_400_000
FIRST_NOTICE: Final = 1


class Webhooks:
    """The notices that wait for their receiver; without a URL nothing is noted."""

    def __init__(
        self, ledger: Ledger, folder: Path, url: str, retry_s: Sequence[float], clock: Callable[[], int]
    ) -> None:
        self.url, self._ledger, self._clock, self._retry_s = url, ledger, clock, tuple(retry_s)
        self._numbers = Numbers(ledger, "notices", first=FIRST_NOTICE, block=1_000)
        waiting = ledger.select(Notice, "state = ?", (WAITING,), "id", WAITING_MAX)
        self._waiting = {each.id: each for each in waiting}
        self._key: rsa.RSAPrivateKey | None = None
        if url:
            self._key = private_key(kept_once(folder / KEY_FILE, new_pair)["secret"])
            public = self._key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            (folder / PUBLIC_KEY_FILE).write_bytes(public)

    @property
    def webhook_id(self) -> str:
        """Give the id of the one webhook."""
        return "1"

    def notices(self, event: int, data: Mapping[str, Any], now_ms: int) -> list[Notice]:
        """Make the notices of an event, to be written with what they tell of; then `keep` them."""
        if not self.url:
            return []
        number = self._numbers.take()
        told = {"webhookId": self.webhook_id, "eventType": event, "eventTime": now_ms, "data": data}
        return [
            Notice(
                id=number,
                event=event,
                body=json.dumps(told),
                state=WAITING,
                attempts=0,
                next_ms=now_ms,
                created_ms=now_ms,
            )
        ]

    def keep(self, rows: Sequence[Any]) -> None:
        """Deliver the notices among rows that are written now."""
        self._waiting.update({each.id: each for each in rows if isinstance(each, Notice)})

    def resend(self, event: int, since_ms: int) -> int:
        """Deliver the notices of an event since a time again; give how many."""
        where = "event = ? AND created_ms >= ?"
        since_ms = max(since_ms, self._clock() - AGE_MS_MAX)
        found = self._ledger.select(Notice, where, (event, since_ms), "id", WAITING_MAX)
        again = [replace(each, state=WAITING, attempts=0, next_ms=self._clock()) for each in found]
        if again:
            self._ledger.record(others=again)
        self.keep(again)
        return len(again)

    def signed(self, body: str) -> dict[str, str]:
        """Return the headers of a notice: the signature is made like a client's, by the custodian's own key."""
        assert self._key is not None
        signature = self._key.sign(body.encode(), padding.PKCS1v15(), hashes.SHA512())
        return {"Content-Type": "application/json", "signature": base64.b64encode(signature).decode()}

    async def run(self) -> None:
        """Deliver what waits until cancelled."""
        if not self.url:
            return
        timeout = aiohttp.ClientTimeout(total=ANSWER_S_MAX)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                for notice in self._due():
                    self._note(notice, delivered=await self._delivered(session, notice))
                await asyncio.sleep(LOOK_S)

    def _due(self) -> list[Notice]:
        now_ms = self._clock()
        return [each for each in self._waiting.values() if each.next_ms <= now_ms]

    async def _delivered(self, session: aiohttp.ClientSession, notice: Notice) -> bool:
        """Tell whether the receiver answered 200."""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            sending = session.post(self.url, data=notice.body, headers=self.signed(notice.body), allow_redirects=False)
            async with sending as answer:
                return answer.status == 200
        return False

    def _note(self, notice: Notice, *, delivered: bool) -> None:
        """Remember an attempt; the next one comes after the published delay, until there is none left."""
        state, next_ms = DELIVERED if delivered else WAITING, notice.next_ms
        if not delivered and notice.attempts < len(self._retry_s):
            next_ms = self._clock() + round(self._retry_s[notice.attempts] * 1_000)
        elif not delivered:
            state = GIVEN_UP
            log.warning("the receiver of webhooks never answered 200 to notice %s", notice.id)
        noted = replace(notice, state=state, attempts=notice.attempts + 1, next_ms=next_ms)
        self._ledger.record(others=[noted])
        self._waiting.pop(notice.id, None)
        if state == WAITING:
            self._waiting[notice.id] = noted
