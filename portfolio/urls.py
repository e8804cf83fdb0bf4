"""Routes of the pages."""

from django.urls import path

from portfolio.views import data, events, overview

app_name = "portfolio"
urlpatterns = [
    path("", overview.overview, name="overview"),
    path("whole/", overview.whole, name="whole"),
    path("events/", events.events, name="events"),
    path("events/<int:seq>/", events.event, name="event"),
    path("data/", data.data, name="data"),
    path("chart/net-delta", overview.net_delta, name="net_delta"),
]
