"""Every table is in the log, or it is written why not; whoever writes to it, a line says so."""

import json
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django_otp.plugins.otp_totp.models import TOTPDevice

from api.models import Token
from changes.lines import history_of, tracked_models
from changes.untracked import UNTRACKED
from core.history import generate, origin, records
from core.history.writer import WRITTEN_WITH_ORIGIN
from dhcp.models import DhcpScope
from pxe.models import BootMenu
from registry.models import RegistryConfig, Service, ServiceDependency
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.pxe.factories import ImageFactory
from tests.support.by_hand import by_hand

pytestmark = pytest.mark.django_db
HISTORIES = {history_of(model).model for model in tracked_models()}


def lines(model):
    return list(history_of(model).order_by("history_id"))


def last(model):
    return history_of(model).latest("history_id")


@pytest.fixture
def service():
    config = RegistryConfig.objects.get(environment="test")
    return Service.objects.create(
        environment=config, service_id="web", name="web", type="backend", protocol="tcp"
    )


@pytest.mark.once
def test_every_table_has_a_history_or_a_reason():
    found = set()
    for model in apps.get_models(include_auto_created=True):
        if model not in HISTORIES and model not in tracked_models():
            found.add(model._meta.label_lower)
    assert found == set(UNTRACKED)


@pytest.mark.once
def test_no_table_has_both():
    assert not {model._meta.label_lower for model in tracked_models()} & set(UNTRACKED)


def test_triggers_stand_on_every_table_that_they_write_for():
    catalogue = {
        "sqlite": "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgrelid::regclass::text, tgname FROM pg_trigger",
    }
    with connection.cursor() as cursor:
        cursor.execute(catalogue[connection.vendor])
        found = {table for table, name in cursor.fetchall() if name.startswith(f"{table}_history")}
    assert set(WRITTEN_WITH_ORIGIN) <= found


def test_a_bulk_write_leaves_lines_with_its_origin(service):
    with origin.acting("api", "ci"):
        Service.objects.filter(pk=service.pk).update(name="shop")
    line = last(Service)
    assert (line.history_type, line.name, line.history_source) == ("~", "shop", "api")
    assert records.who(line) == "ci"


def test_a_heartbeat_leaves_no_line(service):
    before = len(lines(Service))
    Service.objects.filter(pk=service.pk).update(
        last_heartbeat="2026-01-01T00:00Z", status="active"
    )
    assert len(lines(Service)) == before


def test_bulk_created_rows_leave_lines(service):
    rows = [ServiceDependency(service=service, needs=name) for name in ("db", "cache")]
    ServiceDependency.objects.bulk_create(rows)
    assert [line.needs for line in lines(ServiceDependency)] == ["db", "cache"]


def test_rows_between_two_others_leave_lines():
    image = ImageFactory()
    menu = BootMenu.objects.create(name="main", title="Main", all_images=False)
    menu.images.add(image)
    menu.delete()
    found = [line.history_type for line in lines(BootMenu.images.through)]
    assert found == ["+", "-"]


def test_one_change_has_one_id(service):
    with origin.acting("command", "cleanup"):
        service.delete()
        ServerFactory(mac_address=None)
        change = origin.current().change
    assert last(Service).history_change == change


def test_raw_sql_leaves_a_line_that_says_so(service):
    by_hand("UPDATE services SET name = 'billing' WHERE service_id = 'web'")
    line = last(Service)
    assert (line.name, line.history_source) == ("billing", "sql")
    assert line.history_change_reason.endswith("SQL)") or line.history_change_reason == "SQL"


def test_rows_that_go_with_another_leave_lines():
    subnet = SubnetFactory()
    DhcpScope.objects.create(subnet=subnet)
    subnet.delete()
    assert [line.history_type for line in lines(DhcpScope)] == ["+", "-"]


def test_rights_of_a_user_leave_lines():
    user = User.objects.create_user("ann", password="correct horse")
    group = Group.objects.create(name="auditors")
    user.groups.set([group])
    user.user_permissions.add(Permission.objects.first())
    user.is_superuser = True
    user.save()
    assert last(User).is_superuser
    assert last(User.groups.through).group_id == group.pk
    assert last(User.user_permissions.through).history_type == "+"


def test_a_login_s_clock_leaves_no_line():
    user = User.objects.create_user("ann")
    user.last_login = "2026-01-01T00:00Z"
    user.save(update_fields=["last_login"])
    assert len(lines(User)) == 1


def test_a_line_keeps_the_name_of_a_user_who_was_deleted(admin_user):
    line = last(User)
    type(line).objects.filter(pk=line.pk).update(history_user_id=admin_user.pk)
    User.objects.get(pk=admin_user.pk).delete()
    assert records.who(type(line).objects.get(pk=line.pk)).startswith("admin (")


def test_no_secret_enters_a_history(admin_user):
    secret = f"planted-{uuid4().hex}"
    token, _value = Token.objects.create(user=admin_user, name="ci", scopes=["read"])
    Token.objects.filter(pk=token.pk).update(digest=secret, lineage=secret)
    TOTPDevice.objects.create(user=admin_user, name="phone", key=secret.encode().hex()[:80])
    User.objects.filter(pk=admin_user.pk).update(password=secret)
    for column in _secret_columns():
        assert column not in _kept()
    text = json.dumps([list(map(str, row)) for row in _all_rows()])
    assert secret not in text
    assert secret.encode().hex()[:60] not in text


def _secret_columns():
    """Columns by whose names one knows a secret."""
    words = ("password", "digest", "secret", "token", "key")
    for model in generate.WRITTEN_WITH_ORIGIN.values():
        for field in model._meta.concrete_fields:
            if any(word in field.name for word in words):
                yield model._meta.label_lower, field.column


def _kept():
    """Those that a history keeps as they are, but for names and public keys."""
    harmless = {
        ("ipmanager.token", "token_key"),
        ("dhcp.agenttoken", "key"),
        ("registry.restartaction", "key"),
    }
    for model in WRITTEN_WITH_ORIGIN.values():
        for column, source in generate.kept_columns(model).items():
            if column == source and (model._meta.label_lower, column) not in harmless:
                yield model._meta.label_lower, column


def _all_rows():
    for model in tracked_models():
        yield from history_of(model).values_list()
