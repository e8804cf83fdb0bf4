"""Django's settings, from the environment."""

from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from csp.constants import NONCE, NONE, SELF

from hedgeapp.environment import ROOT, Environment
from hedgeapp.logs import LOGGING as LOGGING

ENVIRONMENT = Environment()

BASE_DIR = ROOT
VAR_DIR = ENVIRONMENT.hedgeapp_var
SECRET_KEY = ENVIRONMENT.hedgeapp_secret_key
DEBUG = False
ALLOWED_HOSTS = ENVIRONMENT.hedgeapp_hosts.split(",")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "django_htmx",
    "ninja",  # so that its explorer takes its files from here
    "hedgeapp.eventlog",
    "hedgeapp.access",
    "marketdata",
    "portfolio",
    "reconciliation",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "hedgeapp.access.middleware.TextsHoldNoNulMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "hedgeapp.access.middleware.LoginRequiredMiddleware",
    "hedgeapp.access.middleware.ActsAreToldMiddleware",
]

ROOT_URLCONF = "hedgeapp.urls"
ASGI_APPLICATION = "hedgeapp.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "hedgeapp.context.frame",
                "portfolio.context.halting",
                "portfolio.context.waiting",
                "portfolio.context.calling",
                "portfolio.context.travelling",
            ],
        },
    },
]

# PostgreSQL is the truth. Processes that run an event loop or threads share a pool (CONN_MAX_AGE must stay 0 with it).
DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(ENVIRONMENT.database_url, conn_max_age=0, conn_health_checks=True),
    "owner": dj_database_url.parse(ENVIRONMENT.database_owner_url or ENVIRONMENT.database_url, conn_max_age=0),
}
DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}),
    "pool": {"min_size": 1, "max_size": 12, "timeout": 5},  # one worker may have to host every service
    "prepare_threshold": 2**31,  # times: only what asks for it is prepared
}
DATABASES["owner"]["TEST"] = {"MIRROR": "default"}
MOVES_ROLE = urlsplit(ENVIRONMENT.database_moves_url).username or ""  # who is given the right to send moves
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis is disposable: wake-ups, the Channels layer, the board.
REDIS_URL = ENVIRONMENT.redis_url
LIVE_PREFIX = "live"  # of everything that the channel layer keeps in Redis
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": LIVE_PREFIX},
    },
}

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 5, "health_check_interval": 25}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "sign-head": {"task": "hedgeapp.eventlog.tasks.sign_head", "schedule": timedelta(minutes=1)},
    "change-people": {
        "task": "hedgeapp.access.tasks.change_people",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 10},
    },
    "change-sources": {
        "task": "marketdata.tasks.change_sources",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 10},
    },
    "snapshot": {"task": "portfolio.tasks.snapshot_book", "schedule": timedelta(minutes=5)},
    "milestones": {
        "task": "portfolio.tasks.keep_milestones",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 60},
    },
    # On a queue of its own: a venue that answers slowly holds up nothing but its own runs.
    "reconcile": {
        "task": "reconciliation.tasks.reconcile_due",
        "schedule": timedelta(seconds=5),
        "options": {"queue": "reconciliation", "expires": 5},
    },
    "prune-runs": {"task": "reconciliation.tasks.prune_runs", "schedule": timedelta(hours=1)},
    "call": {"task": "portfolio.tasks.call", "schedule": timedelta(seconds=10), "options": {"expires": 10}},
    "call-approvers": {
        "task": "portfolio.tasks.call_approvers",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "prune-frames": {"task": "portfolio.tasks.prune_frames", "schedule": timedelta(hours=1)},
    "prune-minutes": {"task": "portfolio.tasks.prune_minutes", "schedule": timedelta(hours=1)},
}

# Whose webhooks are taken: those of custodians whose public key lies here.
WEBHOOK_KEYS = ENVIRONMENT.hedgeapp_webhook_keys or VAR_DIR / (
    "sandbox" if ENVIRONMENT.hedgeapp_env == "SANDBOX" else "webhooks"
)

# Alerts go out by these channels; what cannot be delivered is tried again every time the task runs.
ALERT_WEBHOOK = ENVIRONMENT.hedgeapp_alert_webhook
ALERT_EMAIL = [address.strip() for address in ENVIRONMENT.hedgeapp_alert_email.split(",") if address.strip()]
SMTP = urlsplit(ENVIRONMENT.hedgeapp_smtp)
EMAIL_HOST, EMAIL_PORT = SMTP.hostname or "localhost", SMTP.port or 25
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(SMTP.username or ""), unquote(SMTP.password or "")
EMAIL_USE_SSL = SMTP.scheme == "smtps"
EMAIL_TIMEOUT = 5  # seconds
# Whoever could approve a move that waits is mailed, if he has given an address.
MOVE_EMAIL = ENVIRONMENT.mails_approvers
DEFAULT_FROM_EMAIL = ENVIRONMENT.hedgeapp_mail_from

# Services that always run, by name; the sources add one for each venue, account, custodian and chain.
SERVICES = {
    "accountant": "portfolio.accountant.run",
    "beat": "hedgeapp.beat.run",
    "engine": "portfolio.engine.run",
    "presenter": "portfolio.presenter.run",
    "projector": "portfolio.projector.run",
    "recorder": "marketdata.recorder.service.run",
    "sink": "hedgeapp.eventlog.sink.service.run",
    "standing": "portfolio.standing.run",
}
# How long recorded market data is kept, in days before today.
MARKET_DATA_DAYS = ENVIRONMENT.hedgeapp_market_data_days
# The log's second store, as a URL.
SINK_URL = ENVIRONMENT.hedgeapp_sink_url or (VAR_DIR / "sink").absolute().as_uri()
# What makes everything beside the log again from its events, after a restore; commands, in this order.
AFTER_RESTORE = ["replay --restored", "reconcile --restored"]
SERVICE_SOURCES = ["marketdata.feeds.services"]
# What each kind of process imports, by the module that runs it; imported once and forked (hedgeapp/up/cradle.py).
PRELOADED = {
    "uvicorn": ["hedgeapp.asgi", "hedgeapp.urls", "uvicorn.main", "uvicorn.loops.uvloop"],
    "celery": [
        "celery.apps.worker",
        "celery.bin.celery",
        "celery.concurrency.solo",
        "celery.concurrency.thread",
        "celery.worker.components",
        "celery.worker.consumer",
        "hedgeapp.celery",
        "hedgeapp.eventlog.tasks",
        "hedgeapp.host",
        "kombu.transport.redis",
        "marketdata.feeds.binance.protocol",
        "marketdata.feeds.ccxt.service",
        "marketdata.feeds.ceffu",
        "marketdata.feeds.public.service",
        "portfolio.tasks.orders_desk",
        "reconciliation.tasks",
        *(runner.rpartition(".")[0] for runner in SERVICES.values()),
    ],
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTHENTICATION_BACKENDS = ["hedgeapp.access.backends.People"]
LOGIN_URL = "access:login"
LOGIN_REDIRECT_URL = "portfolio:overview"
LOGOUT_REDIRECT_URL = "access:login"
# Passkeys are bound to this origin for ever: whoever checks a signature again reads it from here, not from a request.
PASSKEY_ORIGIN = ENVIRONMENT.hedgeapp_origin or f"http://localhost:{ENVIRONMENT.port}"
PASSKEY_COOL_OFF = timedelta(
    seconds=ENVIRONMENT.hedgeapp_passkey_cool_off_s
    if ENVIRONMENT.hedgeapp_passkey_cool_off_s is not None
    else 0
    if ENVIRONMENT.hedgeapp_env == "SANDBOX"
    else 24 * 60 * 60
)
# What two people agreed on about the gate holds after this; the fold takes no less than an hour for it.
GATE_COOL_OFF = timedelta(
    seconds=ENVIRONMENT.hedgeapp_gate_cool_off_s or (86_400 if ENVIRONMENT.hedgeapp_env == "LIVE" else 3_600)
)
# Roles, URLs and keys that two people agreed on hold after these.
_A_DAY_IN_LIVE = 86_400 if ENVIRONMENT.hedgeapp_env == "LIVE" else 0
ROLE_COOL_OFF, SOURCE_COOL_OFF = (
    timedelta(seconds=_A_DAY_IN_LIVE if given is None else given)
    for given in (ENVIRONMENT.hedgeapp_role_cool_off_s, ENVIRONMENT.hedgeapp_source_cool_off_s)
)
SESSION_COOKIE_AGE = 12 * 60 * 60  # seconds: a working day
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# The sandbox is served over plain HTTP on localhost; anything else must come over TLS.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENVIRONMENT.hedgeapp_env != "SANDBOX"
CSRF_COOKIE_HTTPONLY = True
# Whoever serves TLS in front says so by X-Forwarded-Proto, which uvicorn believes from FORWARDED_ALLOW_IPS only.
SECURE_SSL_REDIRECT = SECURE_HSTS_INCLUDE_SUBDOMAINS = ENVIRONMENT.hedgeapp_env != "SANDBOX"
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # supervisors ask from beside
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if ENVIRONMENT.hedgeapp_env != "SANDBOX" else 0
SILENCED_SYSTEM_CHECKS = ["security.W021"]  # whether browsers are shipped with the host's name is its owner's to say
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [ROOT / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "hedgeapp.packaged.PackagedFiles",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
