"""What may stand in a boot image: names, paths, arguments and URLs, each checked by one function.

Every check raises ValidationError with a sentence for people. The script writer does not rely on
them."""

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
        raise ValidationError(
            _(
                "Boot screens show letters, digits, blanks and . _ ( ) + , : / @ = [ ] * ! ? %% ' \" -; "
                "begin with a letter or digit."
            )
            % ()
        )


def check_file_name(text: str) -> None:
    """A path below the root of boot files: no way out of it can be written."""
    if not is_file_name(text):
        raise ValidationError(
            _(
                "Use names of letters, digits and . _ + ~ -, none starting with a dot, parted by /: debian-12/vmlinuz."
            )
        )


def is_file_name(text: str) -> bool:
    return len(text) <= 200 and bool(_FILE.fullmatch(text))


def check_url(text: str) -> None:
    if not is_url(text):
        raise ValidationError(
            _("Give a URL such as http://10.0.0.1/vmlinuz, without blanks, $, \\ and `.")
        )


def is_url(text: str) -> bool:
    return bool(_URL.fullmatch(text)) and ipxe.is_word(text)


def check_cmdline(text: str) -> None:
    """Arguments for a kernel. Everybody on the network can read them, so they hold no secret."""
    for word in text.split():
        if not ipxe.is_word(word):
            raise ValidationError(
                _(
                    "“%s” cannot stand here: iPXE would take it for a command, a comment or a setting. "
                    "Leave out $, \\, `, control characters and words such as ||, && and ;."
                )
                % word[:60]
            )
    if not is_cmdline(text):
        raise ValidationError(_("A command line has one line of up to %d signs.") % LONGEST_CMDLINE)
    if found := _SECRET.search(text):
        raise ValidationError(
            _(
                "“%s” looks like a secret. Everybody on the network can read this line; "
                "put secrets into an answer file."
            )
            % found[0]
        )


def is_cmdline(text: str) -> bool:
    return len(text) <= LONGEST_CMDLINE and all(map(ipxe.is_word, text.split()))
