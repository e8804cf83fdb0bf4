"""What is pushed: only what changed, once, named by its frame."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hedgeapp.live import WHOLE, Flashes, Leaf, Picture, age, push
from portfolio.core.figures import unknown
from portfolio.screen import overview
from portfolio.screen.leaves import band, figure, text
from portfolio.screen.status import spoken
from tests.web.frames import AT, Desk


def picture(desk: Desk, number: int, **changes: object) -> Picture:
    frame = desk.frame(number, **changes)
    return overview.picture(frame, overview.sections(frame))


def pushed(before: Picture | None, now: Picture) -> str:
    return push(before, now, lambda name: f"<section {name}>")


def patches(html: str) -> dict[str, str]:
    return {found[1]: found[0] for found in re.finditer(r'<patch id="([^"]+)"[^>]*>', html)}


def test_the_first_push_draws_every_fragment_and_needs_no_frame_before_it() -> None:
    html = pushed(None, picture(Desk(), 1))
    assert f'data-number="1" data-previous="{WHOLE}"' in html
    assert all(f"<section {name}>" in html for name in overview.FRAGMENTS)
    assert "<span" not in html


def test_a_push_names_the_frame_before_it() -> None:
    assert 'data-number="8" data-previous="7"' in pushed(picture(Desk(), 7), picture(Desk(), 8))


def test_an_equal_frame_pushes_nothing_but_its_number() -> None:
    html = pushed(picture(Desk(), 7), picture(Desk(), 8))
    assert "<span" not in html
    assert "<section" not in html


def test_only_the_leaves_that_changed_are_pushed_and_flash() -> None:
    html = pushed(picture(Desk(), 7), picture(Desk(drift=Decimal("0.5")), 8))
    assert patches(html)["exposure-ETH-net"].endswith(" flash>")
    assert 'id="exposure-BTC-net"' not in html
    assert "<section" not in html


def test_of_a_leaf_whose_number_alone_changed_it_goes_with_its_digits_and_its_times_from_the_frame_s() -> None:
    before, now = (figure("x", Desk().figure(value), "ETH") for value in ("1.25", "1.5"))
    made = replace(now, at=AT - timedelta(milliseconds=747), until=AT + timedelta(seconds=3))
    assert made.differs_in_number(before)
    assert made.patch(AT) == '<patch id="x" full="1.5 ETH" at="-747" until="3000"><b>1.500</b></patch>'


def test_of_a_leaf_with_another_reason_or_age_the_whole_element_goes() -> None:
    one = figure("x", Desk().figure("1"), "ETH")
    assert not one.differs_in_number(replace(one, attributes=' data-because="another"'))
    assert not one.differs_in_number(replace(one, state="late"))
    late = replace(one, state="late")
    assert not late.differs_in_number(late)  # its age is a word of the element


def test_a_datum_that_only_grew_younger_sends_its_times_not_its_cell() -> None:
    before, now = picture(Desk(), 7), picture(Desk(AT + timedelta(seconds=1)), 8)
    html = pushed(before, now)
    assert "<span" not in html
    assert "exposure-BTC-net" in html.split('data-touched="')[1].split('"')[0]


def test_a_state_that_changed_pushes_the_cell_without_a_flash() -> None:
    html = pushed(picture(Desk(), 7), picture(Desk(state="late"), 8))
    assert 'id="exposure-BTC-net" hx-swap-oob="true" class="f"' in html


def test_a_new_row_draws_its_fragment_again_and_none_of_its_leaves_twice() -> None:
    desk = Desk()
    html = pushed(picture(desk, 7, balances=desk.balances()[:2]), picture(desk, 8))
    assert html.count("<section ") == 1
    assert "<section balances>" in html
    assert 'id="balance-' not in html


def test_a_feed_that_changed_its_state_is_announced() -> None:
    before, now = Desk().frame(1), Desk(state="stale").frame(2)
    assert spoken(before.feeds, now.feeds) == "Feed feed:binance-coinm is stale. Feed feed:binance-usdm is stale"
    assert spoken(now.feeds, now.feeds) == ""


def test_what_a_source_says_is_escaped() -> None:
    hostile = '"><script>alert(1)</script>'
    leaf = figure("x", unknown(hostile), "ETH")
    assert "<script>" not in leaf.html(AT)
    assert "<script>" not in text("y", hostile).html(AT)


def test_a_figure_is_written_with_fixed_decimals_and_an_explicit_sign() -> None:
    desk = Desk()
    cases = {"12431.03181": "+12,431.032", "-12.5": "−12.500", "0": "0.000", "-0.0001": "0.000"}
    for given, written in cases.items():
        assert figure("x", desk.figure(given), "ETH", sign=True).text == written


def test_all_digits_are_one_hover_away() -> None:
    assert 'data-full="−0.000000000000000001 ETH"' in figure("x", Desk().figure("-1e-18"), "ETH").html(AT)


def test_a_number_that_does_not_exist_is_a_word_and_one_that_is_unknown_a_dash() -> None:
    assert figure("x", Desk().none("no price liquidates"), "USD", none="never").text == "never"
    assert figure("x", unknown("no mark"), "USD", none="never").text == "—"


def test_a_band_is_drawn_within_its_rail_however_far_it_is_passed() -> None:
    assert 'width="30.0"' in band("x", Decimal(9), "bad").body
    assert 'x="0.0"' in band("x", Decimal(-9), "bad").body


def test_an_age_is_in_its_natural_unit() -> None:
    ages = {
        12: "12 s",
        99: "99 s",
        100: "1 min",
        5999: "99 min",
        6000: "1 h",
        172_799: "47 h",
        172_800: "2 d",
        -5: "0 s",
    }
    assert {elapsed: age(timedelta(seconds=elapsed)) for elapsed in ages} == ages


def test_every_leaf_has_an_id_of_its_own() -> None:
    frame = Desk().frame()
    leaves = [leaf.id for rows in overview.sections(frame).values() for row in rows for leaf in row.all_leaves()]
    assert len(leaves) == len(set(leaves))


def test_a_leaf_is_the_same_when_only_its_times_differ() -> None:
    leaf = Leaf(id="x", body="1", text="1", state="live", at=AT)
    assert leaf.is_same(replace(leaf, at=AT + timedelta(seconds=1)))
    assert not leaf.is_same(replace(leaf, state="late"))


def test_a_leaf_that_changes_with_every_frame_does_not_shine_without_a_pause() -> None:
    flashes, before, flashed = Flashes(), picture(Desk(), 1), []
    for number in range(2, 14):
        desk = Desk(AT + timedelta(milliseconds=250 * number), drift=Decimal(number) / 10)
        now = picture(desk, number)
        html = push(before, now, lambda name: f"<section {name}>", flashes)
        flashed.append(patches(html)["exposure-ETH-net"].endswith(" flash>"))
        assert 'id="exposure-ETH-net"' in html
        before = now
    assert flashed == [True, *[False] * 5] * 2


def test_an_age_never_flashes() -> None:
    leaf = overview.sections(Desk().frame())["feeds"][0].leaves["age"]
    assert not Flashes().take(leaf, AT)
