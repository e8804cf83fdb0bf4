"""Routes of the pages."""

from django.urls import path

from portfolio import views

app_name = "portfolio"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("whole/", views.whole, name="whole"),
    path("events/", views.events, name="events"),
    path("events/<int:seq>/", views.event, name="event"),
    path("data/", views.data, name="data"),
    path("chart/net-delta", views.net_delta, name="net_delta"),
]
