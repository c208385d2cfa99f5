"""Health check of encrypted backups: they can be made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.findings import Finding, error, health_check, warning


@health_check(gettext_noop("backup encryption"), "secrets", needs_database=False)
def backup_encryption() -> Iterator[Finding]:
    """The tool and the recipients of encrypted backups are there, and the secret key is not."""
    recipients = settings.BACKUP_RECIPIENTS
    if recipients is None:
        return
    if not shutil.which("age"):
        yield error(
            _("Backups are to be encrypted, and age is not installed."), "", "apt install age"
        )
    try:
        recipients.read_bytes()
    except OSError as failure:
        text = _("Backups are to be encrypted, and %(file)s cannot be read: %(reason)s")
        yield error(text % {"file": recipients, "reason": failure.strerror})
    if not settings.BACKUP_KEY:
        yield warning(
            _("Backups are encrypted, but anyone who has the public key can make one."),
            _("Set IPMANAGER_BACKUP_KEY_FILE to a file with a random key."),
        )
