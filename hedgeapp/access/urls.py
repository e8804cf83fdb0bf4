"""Routes of access, below /login/."""

from django.urls import path

from hedgeapp.access import views

app_name = "access"

urlpatterns = [
    path("", views.Login.as_view(), name="login"),
    path("out", views.Logout.as_view(), name="logout"),
    path("account", views.account, name="account"),
    path("once/<str:token>", views.once, name="once"),
]
