"""The rule of `api.access` holds alike in Python (Django) and in SQL (the fast path).

Each line of a table is a state and whether the rule lets it in. Every combination is tried both
ways: with everything allowed both answer, otherwise neither does. What only Django decides is
marked, and the fast path must leave it."""

import ipaddress
import itertools
import os
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.utils import timezone

from api.models import Token
from tests.ipam.factories import SubnetFactory
from tests.proof import LONG_FORM
from tests.support.api import Caller
from tests.support.fastpath import both_ways, is_fast

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
LONG = bool(os.environ.get(LONG_FORM))
TODAY, YESTERDAY = timezone.localdate, lambda: timezone.localdate() - timedelta(days=1)

# Rules 1 and 3: fields of the token, whether it is good, whether the fast path decides.
TOKENS = {
    "admin": ({"scopes": ["admin"]}, True, True),
    "the scope and another one": ({"scopes": ["boot", "read", "allocate"]}, True, True),
    "another scope": ({"scopes": ["boot", "registry"]}, False, True),
    "not expired": ({"expiry": HOUR}, True, True),
    "expired": ({"expiry": -HOUR}, False, True),
    "first use of the day": ({"last_used": YESTERDAY}, True, False),
    "never used": ({"last_used": None}, True, False),
}
# Rule 2: the client is 127.0.0.1.
NETWORKS = {
    "anywhere": ([], True, True),
    "its network": (["127.0.0.0/8"], True, "postgresql"),
    "the second network": (["203.0.113.0/24", "127.0.0.1"], True, "postgresql"),
    "another network": (["203.0.113.0/24"], False, True),
    "the other family": (["::/0"], False, True),
    "with a netmask": (["127.0.0.0/255.0.0.0"], True, False),
}
# Rule 5.
SUBNETS = {"all subnets": ([], True, True), "confined": (["10.0.0.0/8"], True, False)}
# Rule 4, and the last part of rule 1: whether the user has the permissions.
USERS = {
    "superuser": True,
    "own permissions": True,
    "permissions of a group": True,
    "other permissions": False,
    "a group with other permissions": False,
    "no permissions": False,
    "inactive superuser": False,
}
NEEDED, OTHER = ("view_ipaddress", "change_ipaddress"), ("view_subnet", "delete_ipaddress")
ROUTES = ["/api/v1/ip-addresses/", "/api/v1/ip/stats"]


@pytest.fixture(autouse=True)
def pool(settings):
    settings.FASTPATH = True
    settings.POOL_NETWORK = ipaddress.ip_network("10.0.0.0/24")
    SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.10-10.0.0.29"])


def make_user(name):
    user = User.objects.create_user("script", is_superuser="superuser" in name)
    user.is_active = not name.startswith("inactive")
    user.save()
    names = OTHER if "other" in name else NEEDED
    permissions = Permission.objects.filter(
        content_type__app_label="ipam", codename__in=names if "permissions" in name else ()
    )
    if name == "no permissions":
        permissions = Permission.objects.none()
    if "group" in name:
        group = Group.objects.create(name="group")
        group.permissions.set(permissions)
        user.groups.add(group)
    else:
        user.user_permissions.set(permissions)
    return user


def set_token(networks, subnets, fields):
    values = {"scopes": ["read", "allocate"], "expiry": None, "last_used": TODAY, **fields}
    if values["expiry"]:
        values["expiry"] += timezone.now()
    if values["last_used"]:
        values["last_used"] = values["last_used"]()
    Token.objects.update(networks=networks, subnets=subnets, **values)


@pytest.mark.parametrize("name", USERS)
def test_both_forms_of_the_rule_let_in_the_same_callers(name):
    value = Token.objects.create(make_user(name), name="test", scopes=["read"])[1]
    caller = Caller(headers={"authorization": f"Bearer {value}"})
    states = itertools.product(NETWORKS.values(), SUBNETS.values(), TOKENS.values())
    if not (LONG or name == "own permissions"):
        states = itertools.islice(states, 0, None, 5)  # the rule's parts meet all states there
    paths = itertools.cycle(ROUTES)  # the number of tokens is odd, so each meets both routes
    tried = 0
    for (networks, near, sql_near), (subnets, inside, sql_inside), (fields, good, sql) in states:
        allowed = USERS[name] and good and near and inside
        decided = all(form in (True, connection.vendor) for form in (sql, sql_near, sql_inside))
        path = next(paths)
        set_token(networks, subnets, fields)
        fast, django = both_ways(lambda: caller.get(path))  # noqa: B023
        state = (name, fields, networks, subnets, path)
        assert (django.status_code == 200) == allowed, state
        assert fast.status_code == django.status_code, state
        assert is_fast(fast) == (allowed and decided), state
        tried += allowed
    assert bool(tried) == USERS[name]


def test_an_unknown_token_is_let_in_by_neither():
    caller = Caller(headers={"authorization": "Bearer ipm_unknown"})
    fast, django = both_ways(lambda: caller.get(ROUTES[0]))
    assert (fast.status_code, django.status_code) == (401, 401)
