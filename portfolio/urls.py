"""Routes of the pages."""

from django.urls import path

from portfolio.views import data, events, halts, overview

app_name = "portfolio"
urlpatterns = [
    path("", overview.overview, name="overview"),
    path("whole/", overview.whole, name="whole"),
    path("events/", events.events, name="events"),
    path("events/<int:seq>/", events.event, name="event"),
    path("data/", data.data, name="data"),
    path("halt/", halts.halt, name="halt"),
    path("halt/notice", halts.notice, name="halt_notice"),
    path("halt/<str:halt_id>/ask", halts.ask, name="halt_ask"),
    path("halt/<str:halt_id>/approve", halts.approve, name="halt_approve"),
    path("chart/net-delta", overview.net_delta, name="net_delta"),
]
