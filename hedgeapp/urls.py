"""Routes: pages of the apps, the admin, and what a supervisor asks."""

from django.contrib import admin
from django.urls import include, path

from hedgeapp import health
from portfolio.api import api

admin.site.site_header = "hedgeapp reference data"
admin.site.site_title = "hedgeapp"
admin.site.index_title = "Reference data: each change is an event in the log"

urlpatterns = [
    path("api/v1/", api.urls),
    path("", include("portfolio.urls")),
    path("breaks/", include("reconciliation.urls")),
    path("sources/", include("marketdata.source_urls")),
    path("login/", include("hedgeapp.access.urls")),
    path("webhooks/", include("marketdata.urls")),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]

handler403 = "portfolio.views.errors.forbidden"
handler404 = "portfolio.views.errors.not_found"
handler500 = "portfolio.views.errors.failed"
