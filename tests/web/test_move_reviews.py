"""A move that we never intended stops others until two people signed that they looked at it."""

from decimal import Decimal

import pytest

from hedgeapp.access.signing import PayloadIsSigned
from hedgeapp.core.events.moves import UnintendedMoveSeen
from hedgeapp.core.passkeys import AnotherThingWasAsked
from portfolio.operations.move_reviews import (
    AlarmIsOver,
    ReviewReasonIsMalformed,
    review_hash,
    review_unintended,
)
from portfolio.queries.books import current_book
from tests.builders.books import reference
from tests.builders.desks import written
from tests.builders.gates import Holder, client_of, holder
from tests.builders.keyholders import now

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def seen(reference: str = "99") -> UnintendedMoveSeen:
    return UnintendedMoveSeen(
        at=now(),
        source="ceffu",
        reference=reference,
        kind="delegate",
        asset="stETH",
        amount=Decimal(3),
        said="not ours",
    )


def signed(by: Holder, alarm: UnintendedMoveSeen, about: UnintendedMoveSeen | None = None) -> bool:
    assertion = by[1].assertion(review_hash(about or alarm))
    done = review_unintended(
        alarm.source, alarm.reference, by=by[0], assertion=assertion, reason="made in the portal", at=now()
    )
    return done is not None


def test_two_people_end_the_alarm_and_one_never_does(transactional_db: None) -> None:
    alarm = seen()
    written(*reference(), alarm, at=now())
    ann, bob = holder("ann", "risk"), holder("bob", "approver")
    with pytest.raises(ReviewReasonIsMalformed):
        review_unintended("ceffu", "99", by=ann[0], assertion="", reason=" ", at=now())
    with pytest.raises(AnotherThingWasAsked):
        signed(ann, alarm, about=seen("100"))
    assert not signed(ann, alarm)
    with pytest.raises(PayloadIsSigned):
        signed(ann, alarm)
    assert current_book().moves.alarms == (alarm,)
    page = client_of(bob[0]).get("/gate/reviews/").content.decode()
    assert "by ann; another person must look at it, too" in page
    path = "/gate/reviews/sign"
    given = {"source": "ceffu", "reference": "99", "reason": "made in the portal"}
    answer = client_of(bob[0]).post(path, given | {"assertion": bob[1].assertion(review_hash(alarm))}, follow=True)
    assert "It is reviewed by two." in answer.content.decode()
    assert current_book().moves.alarms == ()
    with pytest.raises(AlarmIsOver):
        signed(bob, alarm)
