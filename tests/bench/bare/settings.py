"""Django with nothing but a database, which it keeps open."""

from ipmanager.settings import DATABASES as _OURS

DATABASES = {"default": {**_OURS["default"], "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False}}
if DATABASES["default"]["ENGINE"] == "core.sqlite3":
    DATABASES["default"]["ENGINE"] = "django.db.backends.sqlite3"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["tests.bench.bare"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "tests.bench.bare.views"
SECRET_KEY = "not needed"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
