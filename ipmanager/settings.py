"""Every setting of the site, read once from the environment (see docs/settings.md for each
name)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.utils.translation import gettext_lazy as _

from core import env
from ipmanager import __version__

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = __version__

# --- places, secrets, database -------------------------------------------------------------------
DATA_DIR = env.directory("IPMANAGER_DATA_DIR", BASE_DIR / "var")
BACKUP_DIR = env.path("IPMANAGER_BACKUP_DIR", DATA_DIR / "backups")
BACKUP_RECIPIENTS = env.optional_path("IPMANAGER_BACKUP_RECIPIENTS")
BACKUP_IDENTITY = env.optional_path("IPMANAGER_BACKUP_IDENTITY")
BACKUP_KEY = env.text("IPMANAGER_BACKUP_KEY")
SECRET_KEY = env.secret("IPMANAGER_SECRET_KEY", DATA_DIR / "secret_key")
BIND = env.host_port("IPMANAGER_BIND", "127.0.0.1:8000")
_host = f"[{BIND[0]}]" if ":" in BIND[0] else BIND[0]
PUBLIC_URL = env.matching(
    "IPMANAGER_PUBLIC_URL",
    f"http://{_host}:{BIND[1]}",
    r"https?://[^/?#\s]+[^?#\s]*",
    "a URL that starts with http:// or https://",
).rstrip("/")
DEBUG = env.flag("IPMANAGER_DEBUG")
LIVING_DEMO = env.text("IPMANAGER_DEMO").lower() == "live"
DEMO = LIVING_DEMO or env.flag("IPMANAGER_DEMO")
ADMIN_PASSWORD = env.text("IPMANAGER_ADMIN_PASSWORD")
BOOTSTRAP_TOKEN = env.matching(
    "IPMANAGER_BOOTSTRAP_TOKEN", "", r"[!-~]*", "printable ASCII without blanks"
)

DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{DATA_DIR / 'ipmanager.sqlite3'}")}
_database = DATABASES["default"]
# None: opening a connection for each request costs 4 to 30 times the request itself.
_database.setdefault("CONN_MAX_AGE", None)
_database["CONN_HEALTH_CHECKS"] = True
if _database["ENGINE"].endswith("sqlite3"):
    _database["ENGINE"] = "core.sqlite3"
    # IMMEDIATE: a transaction that will write waits at BEGIN instead of failing at COMMIT.
    # synchronous=FULL: an answer given is on disk, as on PostgreSQL.
    # journal_size_limit: a log that grew while somebody read for long is cut back to 64 MB.
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
        "PRAGMA cache_size=-4000; PRAGMA journal_size_limit=67108864;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- access --------------------------------------------------------------------------------------
ALLOWED_HOSTS = env.words("IPMANAGER_ALLOWED_HOSTS", f"localhost,127.0.0.1,[::1],{_host}")
CSRF_TRUSTED_ORIGINS = env.words("IPMANAGER_CSRF_TRUSTED_ORIGINS")
TRUSTED_PROXIES = env.networks("IPMANAGER_TRUSTED_PROXIES")
API_RATE = env.number("IPMANAGER_API_RATE", 1000, 1_000_000)
API_RATE_ANONYMOUS = env.number("IPMANAGER_API_RATE_ANONYMOUS", 50, 1_000_000)
FASTPATH = env.flag("IPMANAGER_FASTPATH", True)
METRICS_FROM = env.networks("IPMANAGER_METRICS_FROM")
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_ENGINE = "accounts.session_store"
REAUTHENTICATE = env.number("IPMANAGER_REAUTHENTICATE", 15, 24 * 60)
_tls = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _tls
# Browsers accept this prefix only from TLS, for this host alone and the whole site (RFC 6265bis),
# so no other host of the domain can plant a session.
_prefix = "__Host-" if _tls else ""
SESSION_COOKIE_NAME = f"{_prefix}sessionid"
CSRF_COOKIE_NAME = f"{_prefix}csrftoken"
LANGUAGE_COOKIE_NAME = f"{_prefix}language"
CSRF_COOKIE_AGE = SESSION_COOKIE_AGE
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
# Browsers then use TLS only. Only a trusted proxy can say that a request came by TLS.
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if _tls else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _tls
SECURE_SSL_REDIRECT = _tls and bool(TRUSTED_PROXIES)
# Booting machines do not use TLS; probes and scrapers connect on this machine.
SECURE_REDIRECT_EXEMPT = [r"^boot\.ipxe$", r"^boot/", r"^healthz$", r"^readyz$", r"^metrics$"]
# Only the owner of the domain can apply for the browsers' preload lists.
SILENCED_SYSTEM_CHECKS = [
    "security.W021",
    "templates.W003",  # ipmanager.result_list takes the place of Unfold's unfold_list
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024

# --- DHCP -----------------------------------------------------------------------------------------
DNSMASQ_DIR = env.path("IPMANAGER_DNSMASQ_DIR", DATA_DIR / "dnsmasq")
DNSMASQ_RELOAD = env.matching(
    "IPMANAGER_DNSMASQ_RELOAD",
    "none",
    r"none|sudo|generation|pidfile:/.+",
    "one of none, sudo, generation or pidfile:/PATH",
)
DNSMASQ_DNS = (
    env.host_port("IPMANAGER_DNSMASQ_DNS", "") if env.text("IPMANAGER_DNSMASQ_DNS") else None
)
DNSMASQ_CONF = env.existing_path("IPMANAGER_DNSMASQ_CONF", "/etc/dnsmasq.d/ipmanager.conf")
DNSMASQ_LEASES = env.path("IPMANAGER_DNSMASQ_LEASES", "/var/lib/misc/dnsmasq.leases")
# An agent over HTTPS (dhcp/remote/): the centre, and the token of its DHCP server.
AGENT_URL = env.text("IPMANAGER_AGENT_URL")
AGENT_TOKEN = env.text("IPMANAGER_AGENT_TOKEN")
DNSMASQ_EVICT = env.choice("IPMANAGER_DNSMASQ_EVICT", "none", ["none", "dbus", "helper"])
DHCP_PROBE = env.matching(
    "IPMANAGER_DHCP_PROBE", "", r"[A-Za-z0-9._:@-]{0,15}", "the name of a network interface"
)
DNSMASQ_LOG = env.matching(
    "IPMANAGER_DNSMASQ_LOG",
    "",
    r"(journal|journal:/.+|/.+)?",
    "a path, journal or journal:/DIRECTORY",
)
DHCP_SYNC = env.choice("IPMANAGER_DHCP_SYNC", "inline", ["inline", "worker"])
FAILOVER = env.choice("IPMANAGER_FAILOVER", "freeze", ["freeze", "continue"])

# --- discovery ------------------------------------------------------------------------------------
EVIDENCE_SECONDS = env.number("IPMANAGER_EVIDENCE_SECONDS", 600, 86_400)
DHCP_WATCH = env.matching(
    "IPMANAGER_DHCP_WATCH",
    "auto",
    r"auto|none|[A-Za-z0-9._:@-]{1,15}(,[A-Za-z0-9._:@-]{1,15})*",
    "auto, none, or names of network interfaces, separated by commas",
)
DHCP_ALLOWED = env.networks("IPMANAGER_DHCP_ALLOWED")

# --- the pool for virtual machines, boot files ----------------------------------------------------
POOL_NETWORK = env.network("IPMANAGER_POOL_NETWORK", "172.16.0.0/24")
POOL_GATEWAY = env.gateway("IPMANAGER_POOL_GATEWAY", POOL_NETWORK)
POOL_API = env.choice("IPMANAGER_POOL_API", "token", ["token", "open"])
SKIP_ANSWERED = env.number("IPMANAGER_SKIP_ANSWERED", 3600, 30 * 24 * 3600)
ASK_BEFORE_HANDOUT = env.number("IPMANAGER_ASK_BEFORE_HANDOUT", 0, 2000)
QUARANTINE_SQUATTERS = env.number("IPMANAGER_QUARANTINE_SQUATTERS", 24 * 3600, 365 * 24 * 3600)
PROBE_RATE = max(1, env.number("IPMANAGER_PROBE_RATE", 200, 5000))
ARP_HELPER = env.optional_path("IPMANAGER_ARP_HELPER")
TFTP_ROOT = env.path("IPMANAGER_TFTP_ROOT", DATA_DIR / "tftp")
BOOT_ROOT = env.path("IPMANAGER_BOOT_ROOT", DATA_DIR / "boot")
BOOT_URL = env.matching(
    "IPMANAGER_BOOT_URL",
    "",
    r"(http://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._/-]*)?)?",
    "a URL that starts with http://",
).rstrip("/")
ALLOWED_HOSTS += [host for host in [env.host_of(BOOT_URL)] if host]
BOOT_ACCEL = env.matching(
    "IPMANAGER_BOOT_ACCEL", "", r"(/[A-Za-z0-9._/-]*/)?", "a path as in /boot-files/"
)

# --- retention in days; 0 keeps everything -------------------------------------------------------
KEEP_HISTORY = env.number("IPMANAGER_KEEP_HISTORY", 730, 36_500)
LOG_ARCHIVE = env.optional_path("IPMANAGER_LOG_ARCHIVE")
KEEP_GENERATIONS = env.number("IPMANAGER_KEEP_GENERATIONS", 90, 36_500)
KEEP_EVENTS = env.number("IPMANAGER_KEEP_EVENTS", 90, 36_500)
EVENTS_DAYS = env.number("IPMANAGER_EVENTS_DAYS", 30, 36_500)
POOL_THRESHOLD = env.number("IPMANAGER_POOL_THRESHOLD", 90, 100)
KEEP_DHCP = env.number("IPMANAGER_KEEP_DHCP", 14, 36_500)
KEEP_DHCP_ROWS = env.number("IPMANAGER_KEEP_DHCP_ROWS", 1_000_000, 1_000_000_000)
KEEP_USAGE = env.number("IPMANAGER_KEEP_USAGE", 400, 36_500)

# --- who is told ----------------------------------------------------------------------------------
WEBHOOK_ALLOW = env.networks("IPMANAGER_WEBHOOK_ALLOW")
MAIL_SERVER = env.mail_server("IPMANAGER_EMAIL_URL")
MAIL_FROM = env.matching(
    "IPMANAGER_EMAIL_FROM",
    f"ipmanager@{env.host_of(PUBLIC_URL).strip('[]')}",
    r"[^@\s<>]+@[^@\s<>]+",
    "a mail address",
)
SYSLOG = env.matching(
    "IPMANAGER_SYSLOG",
    "",
    r"((udp|tcp|tls)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?)?",
    "udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT",
)
SYSLOG_CA = env.text("IPMANAGER_SYSLOG_CA")
SYSLOG_FACILITY = env.number("IPMANAGER_SYSLOG_FACILITY", 13, 23)

# --- services -------------------------------------------------------------------------------------
ENVIRONMENT = env.matching(
    "IPMANAGER_ENVIRONMENT",
    "development",
    r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
    "the name of an environment: small letters, digits and hyphens",
)

# --- the site -------------------------------------------------------------------------------------
ROOT_URLCONF = "ipmanager.urls"
WSGI_APPLICATION = "ipmanager.wsgi.application"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "/ipam/"

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.simple_history",
    "accounts.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_filters",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "rest_framework",
    "simple_history",
    "api",
    "ipam",
    "ippool",
    "names",
    "dhcp",
    "pxe",
    "registry",
    "discovery",
    "changes",
    "events",
    "machines",
    "search",
    "importers",
    "accounts",
    "ops",
    "ipmanager",
]

MIDDLEWARE = [
    "ops.traffic.Traffic",
    "core.proxies.TrustedProxies",
    "django.middleware.locale.LocaleMiddleware",
    "api.middleware.KnownLength",
    "api.throttle.Throttle",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "ipmanager.middleware.AdminPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.SecondFactorGate",
    "ipmanager.middleware.AdminFilters",
    "ipmanager.middleware.AdminSelection",
    "api.middleware.LargeBody",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "changes.undo.offer.OfferUndo",
    "api.security.middleware.NoteRefusals",
    "accounts.login.gate.LoginGate",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
            "libraries": {"unfold_list": "ipmanager.result_list"},
        },
    },
]

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "accounts.backends.PasswordBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Ten wrong passwords for one account from one address lock that pair for a quarter of an hour;
# the right password from elsewhere still works.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # more guesses do not prolong it
AXES_USERNAME_CALLABLE = "accounts.login.gate.account"
AXES_LOCKOUT_CALLABLE = "accounts.login.gate.locked"
AXES_CLIENT_IP_CALLABLE = "core.proxies.client_address"
OTP_TOTP_ISSUER = f"IPManager {env.host_of(PUBLIC_URL)}"
OTP_TOTP_THROTTLE_FACTOR = OTP_STATIC_THROTTLE_FACTOR = (
    0  # accounts/login/brake.py does it, with a limit
)

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German"))]
LOCALE_PATHS = [BASE_DIR / "ipmanager" / "locale"]
TIME_ZONE = env.timezone("TZ", "UTC")
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "ipmanager" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Strict everywhere; the admin's own pages get what Alpine needs (ipmanager/middleware.py).
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
ADMIN_CONTENT_SECURITY_POLICY = {
    "script-src": [SELF, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
}

UNFOLD = {
    "SITE_TITLE": "IPManager",
    "SITE_HEADER": "IPManager",
    "SITE_SYMBOL": "lan",
    "SITE_URL": "/ipam/",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "ipmanager.navigation.favicon"}
    ],
    "STYLES": ["ipmanager.navigation.stylesheet", "search.shell.stylesheet"],
    "SCRIPTS": ["search.shell.script", "ipmanager.navigation.script"],
    "SHOW_LANGUAGES": True,
    "ACCOUNT": {"navigation": "ipmanager.navigation.account_links"},
    "SIDEBAR": {"navigation": "ipmanager.navigation.navigation"},
    "DASHBOARD_CALLBACK": "ipmanager.home.fill",
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["api.access.Access"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.parsers.Parser"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "api.schema.Schema",
    # An error message that repeats half of a surrogate pair must not cause another error.
    "UNICODE_JSON": False,
    "EXCEPTION_HANDLER": "api.problems.handle",
    "URL_FORMAT_OVERRIDE": None,  # ?format= is not a parameter here
}
SPECTACULAR_SETTINGS = {
    "TITLE": "IPManager",
    "DESCRIPTION": "The source of truth for a network's addresses.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "COMPONENT_SPLIT_REQUEST": True,  # what may be sent differs from what is answered
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.schema.describe_problems",
        "ippool.schema.describe",
    ],
    "ENUM_NAME_OVERRIDES": {
        "AddressStatus": "ipam.models.IPAddress.Status",
        "AddressType": "ipam.models.IPAddress.Type",
        "DnsmasqState": "dhcp.models.DnsmasqHeartbeat.State",
        "ConflictState": "discovery.conflicts.models.Conflict.State",
        "ConflictKind": "discovery.conflicts.models.Conflict.Kind",
        "ConflictRemedy": "discovery.conflicts.serializers.NAMES",
        "UnknownDeviceState": "discovery.inbox.models.UnknownDevice.State",
        "BootMode": "pxe.models.BootAssignment.Mode",
        "GenerationResult": "dhcp.models.Generation.Result",
        "SyncResult": "dhcp.serializers.RESULTS",
        "RegistryMode": "registry.models.RegistryConfig.Mode",
    },
}
KNOX_TOKEN_MODEL = "ipmanager.Token"
MIGRATION_MODULES = {"knox": None}  # they would make a table for the token model that ours replaces
# The prefix lets secret scanners recognise a token that leaked into a file.
REST_KNOX = {
    "AUTH_HEADER_PREFIX": "Bearer",
    "TOKEN_PREFIX": "ipm_",
    "TOKEN_TTL": timedelta(days=365),
}

SIMPLE_HISTORY_REVERT_DISABLED = False
SIMPLE_HISTORY_ENABLED = True

LOG = env.choice("IPMANAGER_LOG", "text", ["text", "json"])
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {
            "()": "core.logs.TextFormatter",
            "fmt": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        },
        "json": {"()": "core.logs.JsonFormatter"},
    },
    "filters": {"no-echo": {"()": "core.logs.NoEcho"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG}},
    "root": {"handlers": ["stderr"], "level": "DEBUG" if DEBUG else "INFO"},
    "loggers": {
        "axes": {"level": "WARNING"},
        "django.request": {"level": "ERROR", "filters": ["no-echo"]},
        "ipmanager.requests": {"level": "INFO" if LOG == "json" else "WARNING"},
    },
}
