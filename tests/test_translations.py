"""Every text that a person reads exists in German."""

import gettext
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.utils import translation

from tests.support.site import ROOT, manage

CATALOGUE = "ipmanager/locale/de/LC_MESSAGES/django"
NOT_SOURCE = shutil.ignore_patterns(".*", "var", "__pycache__", "requirements", "docs", "tests")

pytestmark = pytest.mark.needs("gettext")


def compiled(po: Path, to: Path) -> gettext.GNUTranslations:
    subprocess.run(["msgfmt", "--check", "--output-file", to, po], check=True, capture_output=True)
    with to.open("rb") as file:
        return gettext.GNUTranslations(file)


def test_every_text_is_translated(tmp_path, site_environment):
    copy = shutil.copytree(ROOT, tmp_path / "copy", ignore=NOT_SOURCE)
    command = ["makemessages", "--locale", "de", "--no-location", "--no-obsolete"]
    done = manage(site_environment, *command, root=copy)
    assert done.returncode == 0, done.stderr
    for state in ("--untranslated", "--only-fuzzy"):
        command = ["msgattrib", state, "--no-obsolete", copy / f"{CATALOGUE}.po"]
        left = subprocess.run(command, capture_output=True, text=True, check=True)
        assert left.stdout == "", "run: make messages, and fill in what is empty or fuzzy"


def test_no_text_stands_where_it_is_not_collected():
    """xgettext sees no call inside an f-string."""
    hidden = re.compile(r"""\bf["'][^\n]*\{n?(gettext(_lazy)?|_)\(""")
    files = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True)
    sources = [path for path in files.stdout.split() if not path.startswith("tests/")]
    assert [path for path in sources if hidden.search((ROOT / path).read_text())] == []


def test_the_compiled_catalogue_is_that_of_the_source(tmp_path):
    with (ROOT / f"{CATALOGUE}.mo").open("rb") as file:
        committed = gettext.GNUTranslations(file)
    source = compiled(ROOT / f"{CATALOGUE}.po", tmp_path / "django.mo")
    assert committed._catalog == source._catalog, "run: make messages"


def test_pages_speak_german_to_a_german_browser(client):
    page = client.get("/admin/login/", headers={"accept-language": "de-DE,de;q=0.9"})
    assert page.headers["Content-Language"] == "de"
    with translation.override("de"):
        assert translation.gettext("API token") == "API-Token"
