"""The site's settings for tests: nothing from the caller's environment, nothing into var/.

IPMANAGER_TEST_DATABASE_URL chooses the database server (tests/run.py sets it); without it, or when
IPMANAGER_TEST_VENDOR is sqlite, a SQLite file. A file, not :memory:, because other processes and
threads must see the same rows."""

import atexit
import os
import shutil
import tempfile

SCRATCH = tempfile.mkdtemp(prefix="ipmanager-test-")
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)

for name in list(os.environ):
    if name.startswith("IPMANAGER_") and not name.startswith("IPMANAGER_TEST_"):
        del os.environ[name]
os.environ["IPMANAGER_DATA_DIR"] = SCRATCH
os.environ.setdefault("IPMANAGER_TEST_SHARED", SCRATCH)
server = os.environ.get("IPMANAGER_TEST_DATABASE_URL")
if not server or os.environ.get("IPMANAGER_TEST_VENDOR") == "sqlite":
    server = f"sqlite:///{SCRATCH}/ipmanager.sqlite3"
os.environ["DATABASE_URL"] = server
os.environ["TZ"] = "UTC"

from ipmanager.settings import *  # noqa: E402, F403
from ipmanager.settings import DATABASES, STATIC_ROOT, STORAGES  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A power failure in the middle of a test run may lose the test's rows.
    options = DATABASES["default"]["OPTIONS"]
    options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=OFF")
STATIC_ROOT.mkdir()  # whitenoise warns without it
STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DNSMASQ_CONF = None  # whatever this machine has installed
API_RATE = API_RATE_ANONYMOUS = 0  # tests ask faster than anybody may
FASTPATH = os.environ.get("IPMANAGER_TEST_FASTPATH") != "0"  # 0: Django answers every request
