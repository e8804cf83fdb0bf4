"""Routes of reconciliation."""

from django.urls import path

from reconciliation import views

app_name = "reconciliation"
urlpatterns = [
    path("", views.breaks, name="breaks"),
    path("open/", views.open_now, name="open"),
    path("<slug:break_id>/", views.one_break, name="break"),
    path("<slug:break_id>/progress", views.progress, name="progress"),
    path("<slug:break_id>/<slug:action>", views.act, name="act"),
]
