"""Webhooks of the sandbox custodian over a real socket: signed, tried again until taken, alive after kill -9."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.__main__ import arguments
from tests.sandbox.running import Sandbox
from tests.sandbox.test_custody_running import QUIET, Desk

SOON_S = 30.0


class Receiver:
    """A receiver that answers as it is told to and keeps what it hears."""

    def __init__(self) -> None:
        self.statuses: list[int] = []  # of the next answers; 200 when there are none
        self.heard: list[tuple[str, str]] = []  # signature, body
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.heard.append((self.headers["signature"], body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def wait(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many notices and give them."""
        deadline = time.monotonic() + SOON_S
        while len(self.heard) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return [json.loads(body) for _, body in self.heard]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def sandbox(start: Callable[..., Sandbox], receiver: Receiver) -> Sandbox:
    return start(*QUIET, "--webhook-url", receiver.url, "--webhook-retry", "0.2,0.2,0.2")


def public_key(folder: Path) -> rsa.RSAPublicKey:
    key = serialization.load_pem_public_key((folder / "ceffu.webhook.pem").read_bytes())
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def test_a_deposit_is_told_with_a_signature_over_the_body(sandbox: Sandbox, receiver: Receiver) -> None:
    order_id = sandbox.control("custody/deposit", coin="USDT", network="ETH", amount="1234.5")["order"]
    (told,) = receiver.wait(1)
    assert (told["eventType"], told["data"]["orderViewId"], told["data"]["amount"]) == (1, order_id, "1234.5")
    assert (told["data"]["direction"], told["data"]["status"], told["data"]["coinSymbol"]) == (10, 40, "USDT")
    signature, body = receiver.heard[0]
    key = public_key(sandbox.folder)
    key.verify(base64.b64decode(signature), body.encode(), padding.PKCS1v15(), hashes.SHA512())
    with pytest.raises(InvalidSignature):
        key.verify(
            base64.b64decode(signature), body.replace("1234.5", "9234.5").encode(), padding.PKCS1v15(), hashes.SHA512()
        )


def test_failures_and_withdrawals_are_told_by_their_types(sandbox: Sandbox, receiver: Receiver) -> None:
    desk = Desk(sandbox)
    sandbox.control("custody/deposit", coin="USDT", network="ETH", amount="1", failed=True)
    wallet = desk.ask("/v1/wallet/list")["data"]["data"][0]["walletIdStr"]
    given = {"walletId": wallet, "coinSymbol": "USDT", "network": "ETH", "amount": "3", "withdrawalAddress": "0x1"}
    assert desk.ask("/v2/wallet/withdrawal", {**given, "requestId": "w"})["code"] == "000000"
    told = receiver.wait(2)
    assert [each["eventType"] for each in told] == [2, 3]
    assert told[1]["data"]["requestId"] == "w"


def test_a_notice_is_sent_again_until_it_is_taken(sandbox: Sandbox, receiver: Receiver) -> None:
    receiver.statuses = [500, 302]
    sandbox.control("custody/deposit", coin="USDT", network="ETH", amount="1")
    told = receiver.wait(3)
    assert told[0] == told[1] == told[2]
    sandbox.control("custody/deposit", coin="USDT", network="ETH", amount="2")
    assert receiver.wait(4)[3]["data"]["amount"] == "2"


def test_a_notice_survives_a_kill_and_can_be_asked_for_again(sandbox: Sandbox, receiver: Receiver) -> None:
    receiver.statuses = [503]
    sandbox.control("custody/deposit", coin="USDT", network="ETH", amount="1")
    receiver.wait(1)
    sandbox.kill()
    sandbox.start()
    assert receiver.wait(2)[1] == receiver.wait(2)[0]
    desk, asked = Desk(sandbox), {"webhookId": "1", "eventType": 1, "resendFromDateTime": 0}
    assert desk.ask("/entity/webhook/resend", asked)["data"] is True
    assert receiver.wait(3)[2] == receiver.wait(3)[0]
    assert desk.ask("/entity/webhook/resend", asked | {"eventType": 9})["code"] == "G20005"
    assert desk.ask("/entity/webhook/resend", asked | {"webhookId": "7"})["code"] == "G20005"


@pytest.mark.parametrize("option", ["--webhook-url=ftp://somewhere", "--webhook-retry=soon"])
def test_a_malformed_setting_is_refused_in_a_sentence(capsys: pytest.CaptureFixture[str], option: str) -> None:
    with pytest.raises(SystemExit):
        arguments().parse_args(["run", "--folder", "anywhere", option])
    assert "expected" in capsys.readouterr().err
