"""Routes of access, below /login/."""

from django.urls import path

from hedgeapp.access import key_views, person_views, views

app_name = "access"

urlpatterns = [
    path("", views.Login.as_view(), name="login"),
    path("out", views.Logout.as_view(), name="logout"),
    path("account", views.account, name="account"),
    path("once/<str:token>", views.once, name="once"),
    path("people/", person_views.people, name="people"),
    path("people/change", person_views.change, name="person_change"),
    path("people/propose", person_views.propose, name="person_propose"),
    path("people/<slug:change_id>/agree", person_views.agree, name="person_agree"),
    path("people/<slug:change_id>/drop", person_views.drop, name="person_drop"),
    path("keys/", key_views.keys, name="keys"),
    path("keys/offer", key_views.offer, name="key_offer"),
    path("keys/enroll", key_views.enroll, name="key_enroll"),
    path("keys/codes", key_views.new_codes, name="codes_new"),
    path("keys/codes/<int:secret_id>/confirm", key_views.confirm_codes, name="codes_confirm"),
    path("keys/<int:key_id>/vouch", key_views.vouch, name="key_vouch"),
    path("keys/<int:key_id>/confirm", key_views.confirm, name="key_confirm"),
    path("keys/<int:key_id>/revoke", key_views.revoke, name="key_revoke"),
]
