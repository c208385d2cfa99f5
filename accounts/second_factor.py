"""The second factor of a user: codes of an authenticator (TOTP, RFC 6238) by django-otp, and
recovery codes, of which the database holds digests.

`accounts.login.brake` limits guessing; django-otp's own throttling, which has no upper limit, is
off."""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import b32encode
from typing import Any

import segno
from django.db import transaction
from django_otp import verify_token
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice, default_key

from accounts.models import SecondFactorGroup
from api.security.record import Kind, record

RECOVERY_CODES = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without i, l, o, 0, 1
LENGTH = 16  # characters of a recovery code: 79 bits


def is_set_up(user: Any) -> bool:
    """Whether this user logs in with a second factor."""
    return TOTPDevice.objects.devices_for_user(user, confirmed=True).exists()


def is_required(user: Any) -> bool:
    """Whether one of the user's groups demands a second factor."""
    return SecondFactorGroup.objects.filter(group__user=user).exists()


def verify(user: Any, code: str) -> bool:
    """Whether this is the authenticator's code of now, which counts once, or a recovery code,
    which is used up."""
    text = re.sub(r"[\s-]", "", code).lower()
    if text.isascii() and text.isdecimal():
        devices, sent = TOTPDevice.objects.devices_for_user(user, confirmed=True), text
    else:
        devices, sent = StaticDevice.objects.devices_for_user(user), _digest(text)
    return any(verify_token(user, device.persistent_id, sent) for device in devices)


def new_key() -> str:
    """The key of a new authenticator, in hexadecimal digits."""
    return default_key()


def key_text(key: str) -> str:
    """The key for typing: Base32 in groups of four."""
    text = b32encode(bytes.fromhex(key)).decode()
    return " ".join(re.findall("....", text))


def qr_code(user: Any, key: str) -> str:
    """The key as a picture for the authenticator's camera: a data URI, drawn here."""
    url = TOTPDevice(user=user, key=key).config_url
    return segno.make(url, error="m").svg_data_uri(scale=5, border=4, dark="#000", light="#fff")


def set_up(user: Any, key: str, code: str) -> list[str]:
    """Replace the user's authenticator by one with this key, if the code shows that it works.
    Return new recovery codes, or nothing for a wrong code."""
    with transaction.atomic():
        device = TOTPDevice.objects.create(user=user, key=key, name="authenticator")
        text = re.sub(r"\s", "", code)
        if not (text.isascii() and text.isdecimal() and device.verify_token(text)):
            transaction.set_rollback(True)
            return []
        TOTPDevice.objects.filter(user=user).exclude(pk=device.pk).delete()
        record(Kind.FACTOR_SET_UP, user, user=user)
        return renew_recovery_codes(user)


@transaction.atomic
def renew_recovery_codes(user: Any) -> list[str]:
    """New recovery codes; the former ones are void."""
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="recovery codes")
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(
        StaticToken(device=device, token=_digest(code.replace("-", ""))) for code in codes
    )
    return codes


def recovery_codes_left(user: Any) -> int:
    return StaticToken.objects.filter(device__user=user).count()


@transaction.atomic
def remove(user: Any) -> bool:
    """Forget the authenticator and the recovery codes; return whether there were any."""
    codes = StaticDevice.objects.filter(user=user).delete()[0]
    devices = TOTPDevice.objects.filter(user=user).delete()[0]
    if codes or devices:
        record(Kind.FACTOR_REMOVED, user)
    return bool(codes or devices)


def _new_code() -> str:
    """A recovery code in groups of four."""
    text = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(re.findall("....", text))


def _digest(code: str) -> str:
    """What the database holds of a recovery code: as much of the SHA-256 as django-otp's column
    takes. The code is random, so neither salt nor a slow hash is needed."""
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()[:16]
