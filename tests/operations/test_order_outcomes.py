"""Only words that leave no doubt make an order rejected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.venues import Answer
from portfolio.gateways.outcomes import CODES, NotKnown, NoWord, Rejected, refusal

PROTOCOLS = sorted(name for name in CODES if name.startswith("binance"))


def answer(status: int, code: int | None = None, said: str = "because") -> Answer:
    body = None if code is None else {"code": code, "msg": said}
    return Answer(status=status, body=body, retry_after_s=None)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((400, code) for code in (-1013, -1021, -1022, -1102, -1111, -1121, -2010, -2018, -2019, -2020, -2021, -2022)),
        *((400, code) for code in (-2025, -2027, -4003, -4118, -4131, -4164, -4400, -5021, -5022, -5028)),
        (401, -2014),
        (401, -2015),
        (429, -1003),
        (429, -1015),
        (418, -1003),
    ],
)
def test_a_plain_refusal_is_a_rejection(protocol: str, status: int, code: int) -> None:
    found = refusal(CODES[protocol], answer(status, code))
    assert isinstance(found, Rejected)
    assert (found.code, found.said) == (str(code), "because")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, -1000),
        (400, -1001),
        (400, -1006),
        (408, -1007),
        (503, -1008),
        (400, -4116),
        (503, -2019),
        (400, -9999),
        (502, None),
        (403, None),
        (404, None),
    ],
)
def test_what_may_mean_anything_is_no_word(protocol: str, status: int, code: int | None) -> None:
    found = refusal(CODES[protocol], answer(status, code))
    assert isinstance(found, NoWord)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("code", [-2011, -2013])
def test_an_order_that_the_venue_does_not_know_is_said_so(protocol: str, code: int) -> None:
    assert isinstance(refusal(CODES[protocol], answer(400, code)), NotKnown)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_order_or_a_done_cancel_is_no_refusal(protocol: str) -> None:
    order = Answer(status=200, body={"orderId": 1, "status": "FILLED"}, retry_after_s=None)
    done = Answer(status=200, body={"code": 200, "msg": "done"}, retry_after_s=None)
    assert refusal(CODES[protocol], order) is None
    assert refusal(CODES[protocol], done) is None


def told(code: int | None, status: int = 200) -> Answer:
    """Return what Bybit answers: every code comes with the same status."""
    body = None if code is None else {"retCode": code, "retMsg": "because", "result": {}}
    return Answer(status=status, body=body, retry_after_s=None)


@pytest.mark.parametrize("code", [10001, 10002, 10003, 10004, 10005, 10006, 110003, 110007, 110012, 110017, 110094])
def test_a_plain_refusal_of_bybit_is_a_rejection(code: int) -> None:
    found = refusal(CODES["bybit"], told(code))
    assert isinstance(found, Rejected)
    assert (found.code, found.said) == (str(code), "because")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((200, code) for code in (10000, 10014, 10016, 10429, 110030, 110072, 110079, 170001, -2019)),
        (200, None),
        (403, None),
        (403, 110007),
        (502, None),
        (503, 0),
    ],
)
def test_what_of_bybit_may_mean_anything_is_no_word(status: int, code: int | None) -> None:
    assert isinstance(refusal(CODES["bybit"], told(code, status)), NoWord)


def test_bybit_says_that_an_order_is_not_open_and_that_it_took_one() -> None:
    assert isinstance(refusal(CODES["bybit"], told(110001)), NotKnown)
    assert refusal(CODES["bybit"], told(0)) is None


@given(st.integers(500, 599), st.one_of(st.none(), st.integers(-9999, 9999)))
def test_no_server_error_is_ever_a_rejection(status: int, code: int | None) -> None:
    for codes in CODES.values():
        assert isinstance(refusal(codes, answer(status, code)), NoWord)


def test_what_the_venue_asks_to_wait_is_kept() -> None:
    waiting = Answer(status=503, body=None, retry_after_s=7.0)
    found = refusal(CODES["binance-usdm"], waiting)
    assert isinstance(found, NoWord)
    assert found.retry_after_s == 7.0
