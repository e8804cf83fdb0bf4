"""What a custodian has to mirror: his word once, then our moves and the losses that he settled, and nothing else."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.anchors import DelegationAnchored
from portfolio.core.valuation import Valuation
from reconciliation.core.closing import needs_two
from reconciliation.core.compare import mismatches
from reconciliation.core.delegations import Carried, anchored, carried, explained, item_of
from reconciliation.core.in_flight import MOVE_SETTLES_IN, SETTLES_IN, of_moves
from tests.builders import moves
from tests.builders.books import book_of, common
from tests.builders.breaks import difference
from tests.builders.orders import AT

D = Decimal
ACCOUNT = "binance-usdm:main"
ITEM = item_of(ACCOUNT, "stETH")


def anchor(total: str, log_seq: int = 10) -> dict[str, DelegationAnchored]:
    made = DelegationAnchored(
        at=AT, custodian="ceffu", account=ACCOUNT, asset="stETH", total=D(total), log_seq=log_seq, by="reconciliation"
    )
    return {ITEM: made}


def moved(change: str, seq: int, at: timedelta = timedelta(0)) -> Carried:
    return Carried(
        custodian="ceffu",
        account=ACCOUNT,
        asset="stETH",
        change=D(change),
        seq=seq,
        at=AT + at,
        reference=f"o-{seq}",
    )


def test_his_first_word_is_taken_and_anchored() -> None:
    stated = {ITEM: (D(100),), item_of(ACCOUNT, "USDT"): (D(0),)}
    found = explained(stated, {}, [])
    made = anchored("ceffu", stated, found, log_seq=7, at=AT)
    assert mismatches("delegation", found.rows, stated) == []
    assert [(one.account, one.asset, one.total, one.log_seq) for one in made] == [
        (ACCOUNT, "USDT", D(0), 7),
        (ACCOUNT, "stETH", D(100), 7),
    ]


@given(st.lists(st.decimals(min_value=-50, max_value=50, places=2), max_size=6))
def test_every_move_of_ours_after_the_anchor_counts_once(changes: list[Decimal]) -> None:
    made = [moved(str(change), place) for place, change in enumerate(changes, 11)]
    found = explained({ITEM: (D(100),)}, anchor("100"), [moved("7", 10), *made])
    assert found.rows[ITEM] == (D(100) + sum(changes, D(0)),)


def test_what_has_no_anchor_began_at_nothing_once_his_word_was_taken() -> None:
    strange = item_of(ACCOUNT, "USDT")
    stated = {ITEM: (D(100),), strange: (D(5),)}
    found = explained(stated, anchor("100"), [])
    (one,) = mismatches("delegation", found.rows, stated)
    assert (one.item, one.amount) == (strange, D(5))
    assert anchored("ceffu", stated, found, log_seq=20, at=AT) == []


def test_a_delegation_that_he_lists_no_more_differs() -> None:
    found = explained({}, anchor("100"), [])
    (one,) = mismatches("delegation", found.rows, {})
    assert (one.item, one.amount) == (ITEM, D(-100))


def test_a_loss_settled_since_explains_any_part_of_itself_and_no_more() -> None:
    loss = moved("-30", 0, timedelta(hours=1))
    told = {
        stated: explained({ITEM: (D(stated),)}, anchor("100"), [], [loss]).settled
        for stated in ("100", "99", "70", "69.99", "101")
    }
    assert {stated: bool(said) for stated, said in told.items()} == {
        "100": False,
        "99": True,
        "70": True,
        "69.99": False,
        "101": False,
    }
    assert told["70"] == {ITEM: "settled by o-0"}


def test_a_loss_from_before_the_anchor_explains_nothing() -> None:
    before = moved("-30", 0, -timedelta(hours=1))
    assert explained({ITEM: (D(90),)}, anchor("100"), [], [before]).settled == {}


def test_what_was_settled_is_explained_from_there_on_and_a_move_counts_after_it() -> None:
    stated = {ITEM: (D(80),)}
    found = explained(stated, anchor("100"), [], [moved("-30", 0, timedelta(hours=1))])
    assert mismatches("delegation", found.rows, stated) == []
    (again,) = anchored("ceffu", stated, found, log_seq=50, at=AT + timedelta(hours=2))
    assert (again.total, again.because) == (D(80), "settled by o-0")
    assert explained(stated, {ITEM: again}, [moved("5", 60)]).rows == {ITEM: (D(85),)}


def test_a_move_changes_what_is_mirrored_by_what_it_delegates_or_takes_back() -> None:
    there, back = moves.payload(), moves.payload(kind="undelegate")
    found = [carried(one, moves.reported("success"), 9) for one in (there, back)]
    assert [one.change for one in found if one] == [D(100), D(-100)]
    assert {one.item for one in found if one} == {ITEM}
    assert carried(moves.payload(kind="transfer"), moves.reported("success"), 9) is None


def test_a_move_under_way_accounts_for_any_part_of_itself_until_it_had_its_time() -> None:
    book = book_of(*moves.until_submitted())
    work = of_moves(book.moves.in_flight(), "ceffu")

    def explains(amount: str, at: timedelta = timedelta(0)) -> bool:
        (found,) = mismatches("delegation", {ITEM: (D(100),)}, {ITEM: (D(100) + D(amount),)})
        return any(one.explains("delegation", found, AT + at) for one in work)

    assert [explains(amount) for amount in ("100", "0.5", "-0.5", "100.01")] == [True, True, False, False]
    assert [explains("100", MOVE_SETTLES_IN - SETTLES_IN), explains("100", MOVE_SETTLES_IN)] == [True, False]
    assert of_moves(book.moves.in_flight(), "another") == []
    in_account = [one.kind for one in of_moves(book.moves.in_flight(), ACCOUNT)]
    assert in_account == ["balance"]


def test_nobody_decides_alone_where_a_delegation_counts() -> None:
    found = difference(kind="delegation", item=ITEM, unit="stETH", amount=D("-2.5"))
    valuation = Valuation(book_of(), common("2000"), AT)
    for closing in ("heal", "accept"):
        said = needs_two(found, closing, {}, valuation)
        assert said == "it decides whether 2.5 stETH count at the custodian or at the venue"
