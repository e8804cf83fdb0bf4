"""Routes of what custodians tell us."""

from django.urls import path

from marketdata import views

app_name = "marketdata"

urlpatterns = [path("ceffu/<slug:custodian>", views.ceffu_webhook, name="ceffu-webhook")]
