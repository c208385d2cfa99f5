"""deploy/environment explains every setting, in the words of docs/settings.md."""

import re

from tests.support import settings_file


def test_the_file_explains_what_the_documentation_does():
    again = "write it anew: python -m tests.support.settings_file"
    assert settings_file.FILE.read_text() == settings_file.render(), again


def test_it_has_every_setting_and_sets_none():
    text = settings_file.FILE.read_text()
    documented = re.findall(
        r"^\| `([A-Z_]+)` \|", (settings_file.ROOT / "docs/settings.md").read_text(), re.MULTILINE
    )
    assert re.findall(r"^#([A-Z_]+)=$", text, re.MULTILINE) == documented
    assert all(not line or line.startswith("#") for line in text.splitlines())
