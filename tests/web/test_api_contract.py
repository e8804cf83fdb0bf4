"""The API keeps its OpenAPI document: a running server is asked what that allows, and what it does not."""

from typing import Any

import pytest
import redis
import schemathesis
from django.conf import settings as configured
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok

from portfolio.screen.ladder_stream import CAPACITY, PRICES
from tests.builders.api_keys import key
from tests.web.test_api import documents

TRIES = 10  # of each operation
PATIENCE_S = 90


@pytest.mark.django_db(transaction=True)
def test_every_operation_answers_as_its_document_says(live_server: Any) -> None:
    token = key()
    schema = schemathesis.openapi.from_url(f"{live_server.url}/api/v1/openapi.json", timeout=PATIENCE_S)
    tried = set()
    with redis.from_url(configured.REDIS_URL) as store:
        store.mset(documents())
        try:
            for found in schema.get_all_operations():
                assert isinstance(found, Ok), found
                operation = found.ok()

                @settings(max_examples=TRIES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
                @given(case=operation.as_strategy())
                def holds(case: Any) -> None:
                    case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_S)
                    tried.add(case.operation.path)

                holds()
        finally:
            store.delete(PRICES, CAPACITY)
    assert tried == {"/api/v1/prices", "/api/v1/prices/{asset}", "/api/v1/capacity", "/api/v1/status"}
