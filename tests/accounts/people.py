"""People who log in."""

import re
import time

from django.contrib.auth.models import Group, User
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import SecondFactorGroup

LOGIN, CODE = "/admin/login/", "/admin/second-factor/"
SET_UP, ACCOUNT = "/admin/second-factor/setup/", "/admin/account/"
HERE, THERE = "192.0.2.1", "192.0.2.2"


def person(name="ada", **fields):
    return User.objects.create_user(name, password="right", is_staff=True, **fields)


def requiring_group(*users):
    group = Group.objects.create(name="guarded")
    SecondFactorGroup.objects.create(group=group)
    group.user_set.add(*users)
    return group


def browser(address=HERE):
    return Client(REMOTE_ADDR=address)


def send_password(client, name="ada", password="right", to="/admin/"):
    return client.post(f"{LOGIN}?next={to}", {"username": name, "password": password, "next": to})


def code_of(key, moment=None):
    return f"{totp(bytes.fromhex(key), t0=0 - int(moment or 0)):06d}"


def fresh_code(user):
    """The code of now, as if none had been used before."""
    device = TOTPDevice.objects.get(user=user)
    TOTPDevice.objects.filter(pk=device.pk).update(last_t=-1)
    return code_of(device.key)


def key_on(page):
    shown = re.search(r'<code class="ipm-key"[^>]*>([A-Z2-7 ]+)</code>', page.content.decode())[1]
    from base64 import b32decode

    return b32decode(shown.replace(" ", "")).hex()


def set_up(client):
    """Set up an authenticator in the browser; return the recovery codes."""
    page = client.get(SET_UP)
    assert page.status_code == 200, page
    done = client.post(SET_UP, {"code": code_of(key_on(page))})
    return re.findall(r"<code>([a-z2-9-]{19})</code>", done.content.decode())


def is_in(client):
    """Whether the browser is logged in."""
    return client.get("/admin/").status_code == 200


def age_confirmation(client, seconds=3600):
    """As if the password had been typed so long ago."""
    session = client.session
    session["confirmed_at"] = int(time.time()) - seconds
    session.save()
