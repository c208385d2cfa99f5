"""Validators for boot images: names, paths, arguments and URLs, one function each.

Every `check_` function raises ValidationError. The script writer validates again by itself."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from pxe.boot import ipxe

LONGEST_CMDLINE = 1000
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]*(/[A-Za-z0-9][A-Za-z0-9._+~-]*)*")
_URL = re.compile(r"(http|https|tftp|ftp|nfs|iscsi|aoe):[!-~]+", re.ASCII)
_SECRET = re.compile(r"pass(wd|word|phrase)?[A-Za-z_.-]*=|(token|secret|key)=", re.IGNORECASE)


def check_label(text: str) -> None:
    """A name that every boot screen can show."""
    if ipxe.plain(text) != text:
        message = _(
            "Use letters, digits, spaces and . _ ( ) + , : / @ = [ ] * ! ? %% ' \" -, "
            "starting with a letter or digit: boot screens show nothing else."
        )
        raise ValidationError(message % ())


def check_file_name(text: str) -> None:
    """A path below the root of boot files. No valid path leads out of it."""
    if not is_file_name(text):
        message = _(
            "Use names of letters, digits and . _ + ~ - separated by /, as in debian-12/vmlinuz. "
            "No name starts with a dot."
        )
        raise ValidationError(message)


def is_file_name(text: str) -> bool:
    return len(text) <= 200 and bool(_FILE.fullmatch(text))


def check_url(text: str) -> None:
    if not is_url(text):
        raise ValidationError(
            _("Enter a URL such as http://10.0.0.1/vmlinuz, without spaces, $, \\ and `.")
        )


def is_url(text: str) -> bool:
    return bool(_URL.fullmatch(text)) and ipxe.is_word(text)


def check_cmdline(text: str) -> None:
    """Arguments for a kernel. Everyone on the network can read them, so they hold no secret."""
    for word in text.split():
        if not ipxe.is_word(word):
            message = _(
                "“%s” is not allowed: iPXE would read it as a command, a comment or a setting. "
                "Remove $, \\, `, control characters and words such as ||, && and ;."
            )
            raise ValidationError(message % word[:60])
    if not is_cmdline(text):
        message = _("A command line is one line of at most %d characters.")
        raise ValidationError(message % LONGEST_CMDLINE)
    secret = _SECRET.search(text)
    if secret:
        message = _(
            "“%s” looks like a secret. Everyone on the network can read this line; "
            "put secrets into an answer file."
        )
        raise ValidationError(message % secret[0])


def is_cmdline(text: str) -> bool:
    return len(text) <= LONGEST_CMDLINE and all(map(ipxe.is_word, text.split()))
