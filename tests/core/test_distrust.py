"""Distrust: a source that errs often is not believed until it has been clean for a while."""

from hypothesis import given
from hypothesis import strategies as st

from marketdata.core.distrust import Distrust, Tolerance

RULE = Tolerance(refused_max=3, share_max=0.1, window_ms=10_000, clean_ms=30_000)


def watched(refused_each_second: list[int], messages_a_second: int = 10) -> list[bool]:
    """Return second by second whether a source is quarantined."""
    found, refused, states = Distrust(RULE), 0, []
    for second, more in enumerate(refused_each_second):
        refused += more
        found.look(refused, messages_a_second * (second + 1), second * 1_000)
        states.append(bool(found.because))
    return states


def test_a_rare_refusal_is_forgiven() -> None:
    assert not any(watched([1, 0, 0, 1, 0, 0, 1, 0, 0, 0] * 6))


def test_many_refusals_within_a_while_quarantine_a_source_and_say_how_many() -> None:
    found = Distrust(RULE)
    found.look(0, 0, 0)
    found.look(4, 10, 1_000)
    assert "at most 3 refused messages within 10 s expected, found 4 of 10" in found.because
    assert found.times == 1


def test_many_refusals_among_very_many_messages_are_rare_ones() -> None:
    assert not any(watched([0, 2, 2, 2, 2, 2, 0], messages_a_second=1_000))


def test_a_source_is_believed_again_once_it_was_clean_for_long_enough() -> None:
    states = watched([0, 4] + [0] * 60)
    assert [second for second, state in enumerate(states) if state] == list(range(1, 31))


def test_one_more_refusal_begins_the_wait_anew() -> None:
    states = watched([0, 4] + [0] * 20 + [1] + [0] * 60)
    assert [second for second, state in enumerate(states) if state] == list(range(1, 52))


def test_a_window_longer_than_the_clean_while_does_not_keep_a_source_out() -> None:
    found = Distrust(Tolerance(refused_max=2, window_ms=120_000, clean_ms=60_000))
    found.look(0, 0, 0)
    found.look(3, 9, 1_000)
    found.look(3, 90, 60_999)
    assert found.because
    found.look(3, 91, 61_000)
    assert not found.because
    found.look(5, 92, 62_000)
    assert not found.because
    found.look(6, 93, 63_000)
    assert (bool(found.because), found.times) == (True, 2)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=150))
def test_a_source_never_comes_back_before_it_was_clean_and_never_flickers(refused: list[int]) -> None:
    states = watched(refused)
    for second in range(1, len(states)):
        if states[second - 1] and not states[second]:
            assert not any(refused[max(0, second - 29) : second + 1])
