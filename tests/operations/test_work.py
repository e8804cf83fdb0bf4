"""Work is carried by one worker at a time, and by another when that one is gone."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction

from portfolio.models import Work
from portfolio.operations.work import HELP_S, Claim, claim_work, close_work, open_work, put_off

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def empty(transactional_db: None) -> None:
    Work.objects.all().delete()


def opened(subject: str = "a", queue: Any = "orders") -> None:
    with transaction.atomic():
        open_work("order", subject, queue, at=AT)


def claimed(by: str = "one", queue: Any = "orders", **given: Any) -> list[Claim]:
    return list(claim_work(queue, by=by, count=10, **given))


def test_the_same_work_is_opened_once() -> None:
    opened()
    opened()
    assert len(claimed()) == 1


def test_claimed_work_is_not_claimed_again_before_the_lease_ends() -> None:
    opened()
    assert len(claimed("one")) == 1
    assert claimed("two") == []


def test_work_of_a_worker_that_is_gone_is_claimed_by_another() -> None:
    opened()
    (first,) = claimed("one", lease_s=0)
    (second,) = claimed("two")
    assert second.number == first.number + 1
    assert not put_off(first, for_s=0, said="I am back")
    assert put_off(second, for_s=0, said="")


def test_racing_workers_share_the_rows() -> None:
    for number in range(40):
        opened(str(number))
    found: list[str] = []
    both = threading.Barrier(4)

    def work() -> None:
        both.wait()
        while claims := claim_work("orders", by="one", count=3):
            found.extend(claim.subject for claim in claims)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found, key=int) == [str(number) for number in range(40)]


def test_what_is_put_off_comes_back_later_and_counts_its_tries() -> None:
    opened()
    (claim,) = claimed()
    assert put_off(claim, for_s=3600, said="no answer")
    assert claimed() == []
    Work.objects.update(due_at=AT)
    assert [one.tries for one in claimed()] == [1]


def test_closed_work_stays_closed() -> None:
    opened()
    (claim,) = claimed()
    close_work(claim, said="filled", at=AT)
    assert not put_off(claim, for_s=0, said="once more")
    assert claimed() == []
    assert Work.objects.get().closed_at == AT


def test_urgent_work_is_for_urgent_workers_and_for_all_when_they_are_late() -> None:
    opened("c", "urgent")
    Work.objects.update(due_at=datetime.now(UTC))
    assert claimed("one", "orders") == []
    Work.objects.update(due_at=datetime.fromtimestamp(datetime.now(UTC).timestamp() - HELP_S - 1, UTC))
    assert len(claimed("one", "orders")) == 1


def test_orders_never_stand_before_urgent_work() -> None:
    opened("a", "orders")
    assert claimed("one", "urgent") == []
