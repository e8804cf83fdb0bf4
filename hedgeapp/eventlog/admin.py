"""The log in the admin: to read, never to write."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from hedgeapp.eventlog.models import Epoch, LoggedEvent

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Model]
else:
    Base = admin.ModelAdmin


class ReadOnlyAdmin(Base):
    """Shows rows; adds, changes and deletes nothing."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(LoggedEvent)
class LoggedEventAdmin(ReadOnlyAdmin):
    """The latest events; a page is found by its key, never by counting the whole log."""

    list_display = ["seq", "recorded_at", "kind", "key"]
    search_fields = ["key__startswith"]
    search_help_text = "the beginning of a key"
    fields = ["seq", "recorded_at", "kind", "key", "text", "digest"]
    readonly_fields = ["seq", "recorded_at", "kind", "key", "text", "digest"]
    show_full_result_count = False

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
