"""Routes of the pages."""

from django.urls import path

from portfolio.views import alerts, blotter, data, events, halts, orders, overview, prices, tickets

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
    path("orders/", blotter.orders, name="orders"),
    path("orders/open/", blotter.under_way, name="orders_open"),
    path("orders/venues/", blotter.venues, name="venue_orders"),
    path("orders/export.csv", blotter.export, name="orders_export"),
    path("orders/ticket/", tickets.ticket, name="ticket"),
    path("orders/ticket/rehearsed", tickets.rehearsed, name="ticket_rehearsed"),
    path("orders/ticket/confirmation", tickets.confirmation, name="ticket_confirmation"),
    path("orders/<slug:client_order_id>/", orders.order, name="order"),
    path("orders/<slug:client_order_id>/progress", orders.progress, name="order_progress"),
    path("orders/<slug:client_order_id>/cancel", orders.cancel, name="order_cancel"),
    path("alerts/", alerts.alerts, name="alerts"),
    path("alerts/listed", alerts.listed, name="alerts_listed"),
    path("alerts/<str:alert_id>/acknowledge", alerts.acknowledge, name="alert_acknowledge"),
    path("alerts/<str:alert_id>/snooze", alerts.snooze, name="alert_snooze"),
    path("prices/", prices.prices, name="prices"),
    path("prices/explained", prices.explained, name="prices_explained"),
    path("prices/pause", prices.pause, name="minting_pause"),
    path("prices/pauses/<str:pause_id>/resume", prices.resume, name="minting_resume"),
    path("api/prices", prices.document_of, name="price_document"),
    path("chart/net-delta", overview.net_delta, name="net_delta"),
]
