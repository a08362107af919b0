"""All settings of LAMM, driven by environment variables (docs/operate.md lists them).

LAMM_ENV is `development` (the default: answers on loopback names only), `test` or `production`.
In production the process refuses to start until the variables that keep data safe are set.
"""

from datetime import timedelta
from pathlib import Path

from csp.constants import NONCE
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from environs import Env

from lamm.file_places import bucket_storage, export_storage, folder_storage, root_storage
from lamm.local import services

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("LAMM_DATA", str(BASE_DIR / ".lamm")))
ENVIRONMENT = env.str("LAMM_ENV", "development")
PRODUCTION = ENVIRONMENT == "production"
RELEASE = env.str("LAMM_RELEASE", "0.1.0")


def refuse(problem: str, remedy: str) -> None:
    raise ImproperlyConfigured(f"LAMM does not start in production: {problem} {remedy}")


# Security -----------------------------------------------------------------------------------------------------
DEBUG = env.bool("LAMM_DEBUG", ENVIRONMENT == "development")
SECRET_KEY = env.str("LAMM_SECRET_KEY", "" if PRODUCTION else "for development on this machine only")
ALLOWED_HOSTS = env.list("LAMM_ALLOWED_HOSTS", [] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"])
if ENVIRONMENT not in ("development", "test", "production"):
    raise ImproperlyConfigured(
        f"LAMM_ENV is {ENVIRONMENT!r}. Set it to development, test or production, or leave it unset."
    )
if PRODUCTION and len(SECRET_KEY) < 50:
    refuse(
        "LAMM_SECRET_KEY is missing or shorter than 50 characters.",
        "Set it to a long random text, for example from: python -c 'import secrets; print(secrets.token_urlsafe(50))'",
    )
if PRODUCTION and DEBUG:
    refuse("LAMM_DEBUG is on, which shows settings and code to visitors.", "Unset LAMM_DEBUG.")
if PRODUCTION and not ALLOWED_HOSTS:
    refuse(
        "LAMM_ALLOWED_HOSTS is empty.",
        "Set it to the host names people use, separated by commas, for example lamm.example.com",
    )
CSRF_TRUSTED_ORIGINS: list[str] = env.list("LAMM_TRUSTED_ORIGINS", [])
SECURE_SSL_REDIRECT = env.bool("LAMM_HTTPS", PRODUCTION)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT
SECURE_HSTS_SECONDS = env.int("LAMM_HSTS_SECONDS", 31_536_000 if SECURE_SSL_REDIRECT else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_HSTS_SECONDS > 0
BEHIND_PROXY = env.bool("LAMM_BEHIND_PROXY", False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# How many proxies stand in front: so many addresses at the end of X-Forwarded-For are theirs to tell.
PROXY_COUNT = env.int("LAMM_PROXY_COUNT", 1 if BEHIND_PROXY else 0)
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ("/admin/",),
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "style-src": ["'self'"],
        "script-src": ["'self'", NONCE],  # the nonce is for the import map, which cannot be a file
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    },
}

# Applications: the order of our own is the dependency order, upper ones first --------------------------------
INSTALLED_APPS = [
    "lamm.apps.LammConfig",
    "uncertainty.apps.UncertaintyConfig",
    "registry.apps.RegistryConfig",
    "experiments.apps.ExperimentsConfig",
    "datasets.apps.DatasetsConfig",
    "scenes.apps.ScenesConfig",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.simple_history",
    "lamm.apps.CurationAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "axes",
    "django_filters",
    "django_htmx",
    "django_tables2",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "rest_framework",
    "simple_history",
    "taggit",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "lamm.authentication.TokensForFilesMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "scenes.audit.DoorMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "lamm.errors.DomainErrorMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "lamm.urls"
WSGI_APPLICATION = "lamm.wsgi.application"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "explorer"
LOGOUT_REDIRECT_URL = "login"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["lamm.templatetags.icons", "lamm.templatetags.formatting", "lamm.templatetags.scripts"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "lamm.pages.navigation.navigation",
            ],
        },
    },
]

# Database and broker: our own servers under DATA_DIR unless the two URLs name others --------------------------
if PRODUCTION and not env.str("DATABASE_URL", ""):
    refuse("DATABASE_URL is missing.", "Set it to postgresql://user:password@host:5432/name")
if PRODUCTION and not env.str("REDIS_URL", ""):
    refuse("REDIS_URL is missing.", "Set it to redis://host:6379/0")
DATABASES = {"default": env.dj_db_url("DATABASE_URL", services.database_url(DATA_DIR), conn_max_age=60)}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.str("REDIS_URL", services.redis_url(DATA_DIR))
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

# Background work: the database is the truth about pending work, the broker only wakes workers -----------------
CELERY_BROKER_URL = env.str("REDIS_URL", services.broker_url(DATA_DIR))
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Longer than the longest task, or a task would run twice while it still works.
    "visibility_timeout": 1800,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = env.str("LAMM_QUEUE", "lamm")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 1200
CELERY_TASK_SOFT_TIME_LIMIT = 1140
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "wake-stuck-ingest-jobs": {"task": "scenes.tasks.wake_stuck_ingest_jobs", "schedule": 15.0},
    "wake-stuck-bulk-changes": {"task": "scenes.bulk_tasks.wake_stuck_bulk_changes", "schedule": 15.0},
    "wake-stuck-exports": {"task": "scenes.bulk_tasks.wake_stuck_exports", "schedule": 30.0},
    "sweep-exports": {"task": "scenes.bulk_tasks.sweep_exports", "schedule": 3600.0},
    "wake-stuck-dataset-exports": {"task": "datasets.tasks.wake_stuck_dataset_exports", "schedule": 30.0},
    "sweep-dataset-exports": {"task": "datasets.tasks.sweep_dataset_exports", "schedule": 3600.0},
    "wake-stuck-verifications": {"task": "datasets.tasks.wake_stuck_verifications", "schedule": 30.0},
    "sweep-uploads": {"task": "scenes.tasks.sweep_uploads", "schedule": 3600.0},
    "wake-due-webhooks": {"task": "registry.tasks.wake_due_deliveries", "schedule": 15.0},
    "wake-stuck-evaluations": {"task": "experiments.tasks.wake_stuck_evaluations", "schedule": 30.0},
    "sweep-silent-runs": {"task": "experiments.tasks.sweep_silent_runs", "schedule": 15.0},
}
# What can be drawn over points and along frames (lamm/overlays.py): functions by their dotted names -------------
OVERLAY_PROVIDERS = [
    "lamm.label_overlays.label_sources",
    "lamm.prediction_overlays.prediction_sources",
    "lamm.flip_overlays.flip_sources",
    "lamm.uncertainty_overlays.evaluation_sources",
]
SCORE_PROVIDERS = ["lamm.uncertainty_series.evaluation_series"]
# Which finished evaluations count for the uncertainty of scenes: "" = all, those on 0..1 before others; or one
# definition, such as mutual_information/normalised/mean (uncertainty/standing.py).
UNCERTAINTY_COUNTS = env.str("LAMM_UNCERTAINTY_COUNTS", "")
SCORES_MAX_BODY_BYTES = 64 * 1024**2
INGEST_BATCH_FRAMES = env.int("LAMM_INGEST_BATCH_FRAMES", 16)
INGEST_STREAM_BYTES = env.int("LAMM_INGEST_STREAM_BYTES", 32 * 1024**2)
INGEST_LEASE_SECONDS = env.int("LAMM_INGEST_LEASE_SECONDS", 60)
INGEST_MAX_ATTEMPTS = env.int("LAMM_INGEST_MAX_ATTEMPTS", 3)
INGEST_PARALLEL_TASKS = env.int("LAMM_INGEST_PARALLEL_TASKS", 2)
# Uploads: what one file, one upload and one call may bring, and how long an untouched upload is kept -------------
UPLOAD_MAX_FILE_BYTES = env.int("LAMM_MAX_UPLOAD_FILE_BYTES", 64 * 1024**3)
UPLOAD_MAX_BYTES = env.int("LAMM_MAX_UPLOAD_BYTES", 1024**4)
UPLOAD_MAX_FILES = env.int("LAMM_MAX_UPLOAD_FILES", 100_000)
UPLOAD_MAX_FILES_PER_CALL = 10_000
UPLOAD_PIECE_BYTES = env.int("LAMM_UPLOAD_PIECE_BYTES", 8 * 1024**2)
UPLOAD_KEEP_DAYS = env.int("LAMM_UPLOAD_KEEP_DAYS", 7)

# Runs: after how much silence one is stalled, or goes back to the queue when a worker had claimed it; sizes of calls --
RUN_STALL_SECONDS = env.int("LAMM_RUN_STALL_SECONDS", 120)
RUN_LEASE_SECONDS = env.int("LAMM_RUN_LEASE_SECONDS", 60)
RUN_MAX_ATTEMPTS = env.int("LAMM_RUN_MAX_ATTEMPTS", 3)
# A completed run with predictions for its validation splits is evaluated by itself.
EVALUATE_FINISHED_RUNS = env.bool("LAMM_EVALUATE_FINISHED_RUNS", True)
RUN_MAX_BODY_BYTES = 4 * 1024**2
METRICS_MAX_BODY_BYTES = 16 * 1024**2
METRICS_MAX_POINTS = 100_000
ARTIFACT_MAX_BYTES = env.int("LAMM_MAX_ARTIFACT_BYTES", 64 * 1024**3)
PREDICTIONS_MAX_BODY_BYTES = env.int("LAMM_MAX_PREDICTION_BYTES", 256 * 1024**2)

# Webhooks: whether they may lead to addresses that are not public, such as those of this machine or its network ----
WEBHOOK_ALLOW_PRIVATE = env.bool("LAMM_WEBHOOK_ALLOW_PRIVATE", False)

# Files: content-addressed, through the storage API, so that S3 is a setting ------------------------------------
STORAGE_FSYNC = env.bool("LAMM_FSYNC", ENVIRONMENT != "test")
S3_BUCKET = env.str("LAMM_S3_BUCKET", "")
S3_ENDPOINT = env.str("LAMM_S3_ENDPOINT", "") or None
S3_PREFIX = env.str("LAMM_S3_PREFIX", "lamm").strip("/")


def file_storage(folder: str) -> dict[str, object]:
    if S3_BUCKET:
        return bucket_storage(S3_BUCKET, f"{S3_PREFIX}/{folder}", S3_ENDPOINT)
    return folder_storage(DATA_DIR / "files" / folder, fsync=STORAGE_FSYNC)


# LAMM_ROOTS=fleet=/mnt/fleet,archive=s3://bucket/prefix
ROOTS: dict[str, str] = env.dict("LAMM_ROOTS", {})
# LAMM_EXPORTS=handover=/mnt/handover,partner=s3://bucket/prefix
EXPORTS: dict[str, str] = env.dict("LAMM_EXPORTS", {})
STORAGES = {
    **{f"root-{name}": root_storage(place, S3_ENDPOINT) for name, place in ROOTS.items()},
    **{f"export-{name}": export_storage(place, S3_ENDPOINT) for name, place in EXPORTS.items()},
    "default": file_storage("originals"),
    "originals": file_storage("originals"),
    "derived": file_storage("derived"),
    "incoming": file_storage("incoming"),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# A release prefix instead of hashed names: relative and bare module imports keep working (DESIGN.md, section 5).
STATIC_URL = f"/static/{RELEASE}/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "lamm.static_files.NodeModulesFinder",
]
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 0 if DEBUG else 31_536_000

# Language, time, people ---------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = env.str("LAMM_TIME_ZONE", "UTC")
USE_TZ = True
FORMAT_MODULE_PATH = ["lamm.formats"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
# Failed log-ins are counted for a name and an address together, so that nobody can lock others out from elsewhere.
AUTHENTICATION_BACKENDS = ["lamm.throttle.ThrottledBackend"]
AXES_FAILURE_LIMIT = env.int("LAMM_LOGIN_FAILURES", 5)
AXES_COOLOFF_TIME = timedelta(minutes=env.int("LAMM_LOGIN_COOLOFF_MINUTES", 15))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "lamm.throttle.client_address"
AXES_LOCKOUT_CALLABLE = "lamm.throttle.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the time that the page tells stays true
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
TAGGIT_CASE_INSENSITIVE = True
SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = True
# The index of scenes.audit.AuditedRecords begins with the date.
SIMPLE_HISTORY_DATE_INDEX = False

# REST API -----------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "lamm.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["lamm.permissions.ModelPermissions"],
    "DEFAULT_FILTER_BACKENDS": ["lamm.errors.StrictFilterBackend"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "lamm.schema.ErrorsInSchema",
    "EXCEPTION_HANDLER": "lamm.errors.api_exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# The library makes, hashes and checks tokens; the table is ours, so the library's own is never made.
KNOX_TOKEN_MODEL = "scenes.ApiToken"  # noqa: S105 - the name of a model
REST_KNOX = {"TOKEN_PREFIX": "lamm_"}
MIGRATION_MODULES = {"knox": None}
SPECTACULAR_SETTINGS = {
    "TITLE": "LAMM",
    "DESCRIPTION": "Lidar Analytics & Model Management: scenes, datasets, runs, models and uncertainty.",
    "VERSION": RELEASE,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/",
    "ENUM_NAME_OVERRIDES": {
        "BulkKindEnum": "scenes.models.BulkKind",
        "RunEvaluationStateEnum": "experiments.models.EvaluationState",
        "EvaluationRuleEnum": "experiments.models.EvaluationRule",
        "EvaluationLabelsEnum": "experiments.models.LabelChoice",
        "RunStatusEnum": "experiments.models.RunStatus",
        "BulkWishEnum": "scenes.api.bulk.WISHES",
        "IngestKindEnum": "scenes.models.IngestKind",
        "LabelingStatusEnum": "scenes.models.LabelingStatus",
        "IngestStateEnum": "scenes.models.IngestState",
        "FrameStateEnum": "scenes.models.FrameState",
        "ExportStateEnum": "scenes.models.ExportState",
        "ExportFormatEnum": "scenes.models.ExportFormat",
        "DatasetExportStateEnum": "datasets.models.ExportState",
        "DatasetExportFormatEnum": "datasets.models.ExportFormat",
        "DatasetStateEnum": "datasets.models.VersionState",
        "SplitEnum": "datasets.models.Split",
        "GroupingEnum": "datasets.models.Grouping",
        "BalanceEnum": "datasets.models.Balance",
        "VerificationStateEnum": "datasets.models.VerificationState",
        "EvaluationStateEnum": "uncertainty.models.EvaluationState",
        "UncertaintyMeasureEnum": "uncertainty.models.Measure",
        "AggregatorEnum": "uncertainty.models.Aggregator",
        "StageEnum": "registry.models.Stage",
        "PromotionTargetEnum": "registry.api.bodies.TARGETS",
        "PromotionStateEnum": "registry.models.RequestState",
        "ModelKindEnum": "registry.models.ModelKind",
        "GateKindEnum": "registry.models.GateKind",
        "DeliveryStateEnum": "registry.models.DeliveryState",
        "WebhookEventEnum": "registry.models.WebhookEvent",
    },
}

# Admin --------------------------------------------------------------------------------------------------------
DJANGO_TABLES2_TEMPLATE = "parts/_table.html"
UNFOLD = {
    "SITE_TITLE": "LAMM admin",
    "SITE_HEADER": "LAMM",
    "SITE_SUBHEADER": "Curation",
    "SITE_URL": "/",
    "SITE_SYMBOL": "radar",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("img/logo.svg")}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": True,
    "BORDER_RADIUS": "8px",
    "STYLES": [lambda request: static("css/admin.css")],
    "COLORS": {
        "primary": {
            "50": "236 254 255",
            "100": "207 250 254",
            "200": "165 243 252",
            "300": "103 232 249",
            "400": "45 212 232",
            "500": "14 186 209",
            "600": "8 145 170",
            "700": "14 116 138",
            "800": "21 94 112",
            "900": "22 78 94",
            "950": "8 51 66",
        },
    },
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": "lamm.admin_navigation.navigation",
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LAMM_LOG_LEVEL", "INFO")},
    "loggers": {"axes": {"level": "WARNING"}},  # lockouts are news, single failures are not
}
