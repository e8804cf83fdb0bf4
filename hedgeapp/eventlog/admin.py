"""The log in the admin: to read, never to write."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from hedgeapp.eventlog.models import Epoch, LoggedEvent, SecondStore

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Model]
    LogPages = Paginator[LoggedEvent]
else:
    Base = admin.ModelAdmin
    LogPages = Paginator


class ReadOnlyAdmin(Base):
    """Shows rows; adds, changes and deletes nothing."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class LogPaginator(LogPages):
    """Counts the whole log by its last seq, which has no gap, instead of reading it."""

    @cached_property
    def count(self) -> int:
        """How many events there are."""
        if isinstance(self.object_list, QuerySet) and self.object_list.query.where:
            return super().count
        last: int | None = LoggedEvent.objects.values_list("seq", flat=True).first()
        return last or 0


@admin.register(LoggedEvent)
class LoggedEventAdmin(ReadOnlyAdmin):
    """The latest events; a page is found by its key, never by counting the whole log."""

    list_display = ["seq", "recorded_at", "kind", "key"]
    search_fields = ["key__startswith"]
    search_help_text = "the beginning of a key"
    fields = ["seq", "recorded_at", "kind", "key", "text", "digest"]
    readonly_fields = ["seq", "recorded_at", "kind", "key", "text", "digest"]
    show_full_result_count = False
    paginator = LogPaginator

    @admin.display(description="body")
    def text(self, event: LoggedEvent) -> str:
        """The body as text."""
        return bytes(event.body).decode()

    @admin.display(description="hash")
    def digest(self, event: LoggedEvent) -> str:
        """The hash in hexadecimal."""
        return bytes(event.hash).hex()


@admin.register(Epoch)
class EpochAdmin(ReadOnlyAdmin):
    """Which worker holds which service."""

    list_display = ["service", "epoch", "holder", "heartbeat_at"]


@admin.register(SecondStore)
class SecondStoreAdmin(ReadOnlyAdmin):
    """How far the second store is."""

    list_display = ["name", "seq", "stored_at", "trouble", "url"]
