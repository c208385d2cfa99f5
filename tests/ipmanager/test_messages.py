"""Every sentence that people read has its German (`make messages` collects them,
ipmanager/locale/de holds them)."""

import os
import re
import shutil
import subprocess
import sys
from gettext import GNUTranslations
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("gettext")

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = Path("ipmanager/locale/de/LC_MESSAGES/django.po")
LEFT_OUT = shutil.ignore_patterns(".*", "var", "tests", "__pycache__")
COLLECT = ["makemessages", "--locale", "de", "--no-location", "--no-obsolete"]


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """The catalogue as `make messages` would write it now, made in a copy of the house."""
    place = tmp_path_factory.mktemp("messages")
    copy = shutil.copytree(ROOT, place / "house", ignore=LEFT_OUT)
    environment = {"PATH": os.environ["PATH"], "IPMANAGER_DATA_DIR": str(place / "data")}
    command = [sys.executable, str(copy / "manage.py"), *COLLECT]
    subprocess.run(command, cwd=copy, env=environment, check=True, capture_output=True)
    return copy / CATALOGUE


def tool(*command):
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}
    ).stdout


def compiled(catalogue, into):
    """The messages of a catalogue, compiled anew; its placeholders are checked on the way."""
    tool("msgfmt", "--check", "--output-file", str(into), str(catalogue))
    return messages(into)


def messages(binary):
    with binary.open("rb") as file:
        found = dict(GNUTranslations(file)._catalog)
    found.pop("")  # the head, with its dates
    return found


def test_no_message_lacks_its_german(collected):
    for lack in ("--untranslated", "--only-fuzzy"):
        listed = tool("msgattrib", "--no-wrap", lack, str(collected))
        assert re.findall(r'^msgid "(.+)"$', listed, re.MULTILINE) == [], (
            "`make messages`, then fill in the German"
        )


def test_the_catalogue_holds_nothing_that_the_source_has_lost(collected, tmp_path):
    assert messages_of(ROOT / CATALOGUE, tmp_path) == messages_of(collected, tmp_path)


def messages_of(catalogue, tmp_path):
    return compiled(catalogue, tmp_path / "django.mo").keys()


def test_the_compiled_catalogue_is_that_of_the_source(tmp_path):
    fresh = compiled(ROOT / CATALOGUE, tmp_path / "django.mo")
    assert messages((ROOT / CATALOGUE).with_suffix(".mo")) == fresh


def test_german_fills_the_same_blanks(tmp_path):
    for key, german in compiled(ROOT / CATALOGUE, tmp_path / "django.mo").items():
        english = key if isinstance(key, str) else key[0]
        assert blanks(german) == blanks(english) or isinstance(key, tuple), (
            english
        )  # msgfmt has checked the plurals


def blanks(sentence):
    return sorted(re.findall(r"%\(\w+\)[sd]|%[sd%]|\{\w*\}|<[^>]+>", sentence))
