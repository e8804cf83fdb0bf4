"""Routes of sources, below /sources/."""

from django.urls import path

from marketdata import source_views as views

app_name = "sources"

urlpatterns = [
    path("", views.sources, name="sources"),
    path("<slug:change_id>/agree", views.agree, name="source_agree"),
    path("<slug:change_id>/drop", views.drop, name="source_drop"),
]
