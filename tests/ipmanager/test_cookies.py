"""Cookies by TLS belong to this host alone, and none outlives the session."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

from tests.support.site import ROOT

ASK = """
import json
from django.conf import settings
names = ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "LANGUAGE_COOKIE_NAME")
print(json.dumps([getattr(settings, name) for name in names]))
"""


@pytest.mark.parametrize(("scheme", "prefix"), [("https", "__Host-"), ("http", "")])
def test_the_names_bind_cookies_to_the_host_when_it_is_reached_by_tls(tmp_path, scheme, prefix):
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "ipmanager.settings",
        "IPMANAGER_PUBLIC_URL": f"{scheme}://ipam.test",
        "IPMANAGER_DATA_DIR": str(tmp_path),
        "DATABASE_URL": "sqlite://:memory:",
    }
    found = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, cwd=ROOT, capture_output=True, check=True
    )
    names = json.loads(found.stdout)
    assert names == [f"{prefix}{name}" for name in ("sessionid", "csrftoken", "language")]


@pytest.mark.django_db
def test_the_csrf_cookie_does_not_outlive_a_session(client):
    cookie = client.get("/admin/login/").cookies[settings.CSRF_COOKIE_NAME]
    assert cookie["max-age"] == settings.SESSION_COOKIE_AGE
