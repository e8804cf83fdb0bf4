"""Views: the one door by which custodians tell us something."""

from datetime import UTC, datetime
from typing import Final

import structlog
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from marketdata import models
from marketdata.operations.notices import TooManyNoticesWait, keep
from marketdata.webhooks import (
    BODY_BYTES_MAX,
    BURST,
    REQUESTS_PER_S,
    KeyIsMissing,
    NoticeIsMalformed,
    NoticeIsTooOld,
    Rate,
    SignatureIsWrong,
    notice_of,
)

RATE: Final = Rate(REQUESTS_PER_S, BURST)

log = structlog.get_logger()


@login_not_required  # it is the custodian that comes, and its signature that is asked for
@csrf_exempt
@require_POST
def ceffu_webhook(request: HttpRequest, custodian: str) -> HttpResponse:
    """Keep what a custodian's webhook tells; 200 only once it is kept, so that it is told again until then."""
    if not RATE.takes():
        return _refused(429, "too many webhooks at once: come again")
    body = request.read(BODY_BYTES_MAX + 1)
    if len(body) > BODY_BYTES_MAX:
        return _refused(413, f"at most {BODY_BYTES_MAX} bytes expected")
    if not models.Custodian.objects.filter(name=custodian, protocol="ceffu", is_enabled=True).exists():
        return _refused(404, "an enabled custodian of this protocol expected")
    try:
        notice = notice_of(custodian, request.headers.get("signature", ""), body, datetime.now(UTC))
        is_new = keep(custodian, notice)
    except (KeyIsMissing, SignatureIsWrong) as refusal:
        log.warning("webhook.refused", custodian=custodian, because=str(refusal))
        return _refused(401, str(refusal))
    except (NoticeIsMalformed, NoticeIsTooOld) as refusal:
        log.warning("webhook.refused", custodian=custodian, because=str(refusal))
        return _refused(400, str(refusal))
    except TooManyNoticesWait as refusal:
        return _refused(503, str(refusal))
    log.info("webhook.kept", custodian=custodian, order_id=notice.order_id, is_new=is_new)
    return HttpResponse("kept\n", content_type="text/plain")


def _refused(status: int, said: str) -> HttpResponse:
    return HttpResponse(f"{said}\n", status=status, content_type="text/plain")
