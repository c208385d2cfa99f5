"""The WSGI application: a response of the fast path looks as if Django had made it, and a declined
request reaches Django whole."""

import io
import ipaddress
import json

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.urls import clear_script_prefix
from django.utils import timezone

from api import throttle
from api.models import Token
from core.database import prepared
from core.logs import REQUEST
from ipam.models import IPAddress
from ipam.placement import pool_rows
from ops import traffic
from tests.ipam.factories import SubnetFactory
from tests.support.by_hand import POSTGRESQL, only

pytestmark = pytest.mark.django_db(transaction=True)
ALLOCATE = "/api/v1/ip/allocate"


@pytest.fixture
def site(settings, admin_user):
    """A function that asks the application as gunicorn does."""
    from ipmanager.wsgi import application

    settings.FASTPATH = True
    settings.POOL_NETWORK = ipaddress.ip_network("10.0.0.0/24")
    SubnetFactory(
        network="10.0.0.0/24", gateway="10.0.0.1", static_ip_pools=["10.0.0.10-10.0.0.99"]
    )
    value = Token.objects.create(admin_user, name="test", scopes=["admin"])[1]
    Token.objects.update(last_used=timezone.localdate())

    def ask(method, path, body=None, **more):
        text = b"" if body is None else json.dumps(body).encode()
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SCRIPT_NAME": "",
            "SERVER_NAME": "site",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(text),
            "wsgi.errors": io.StringIO(),
            "CONTENT_LENGTH": str(len(text)),
            "CONTENT_TYPE": "application/json",
            "HTTP_HOST": "localhost",
            "HTTP_AUTHORIZATION": f"Bearer {value}",
            **more,
        }
        told = []
        response = application(environ, lambda status, headers: told.extend((status, headers)))
        answer = b"".join(response)
        if hasattr(response, "close"):
            response.close()
        return int(told[0].split()[0]), json.loads(answer), dict(told[1])

    yield ask
    clear_script_prefix()  # Django keeps that of the thread's last request


def counted():
    """Requests so far, by the status of their answers."""
    found = {}
    for metric in traffic.Requests().collect():
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                status = sample.labels["status"]
                found[status] = found.get(status, 0) + sample.value
    return found


def grown(before):
    return {
        status: number - before.get(status, 0)
        for status, number in counted().items()
        if number > before.get(status, 0)
    }


@pytest.mark.parametrize("unusual", [{}, {"HTTP_IF_NONE_MATCH": '"x"'}])
def test_both_ways_number_and_count_a_request_once(site, unusual):
    before = counted()
    status, body, headers = site("POST", ALLOCATE, {"vm_id": "vm-1"}, **unusual)
    assert (status, body["ip"]) == (201, "10.0.0.10")
    assert len(headers["X-Request-ID"]) == 32
    assert grown(before) == {"201": 1}
    assert IPAddress.objects.filter(vm_id="vm-1").count() == 1


def test_a_declined_request_reaches_django_with_its_body(site):
    status, body, _headers = site(
        "POST", ALLOCATE, {"vm_id": "vm-1", "hostname": "one", "colour": "blue"}
    )
    assert (status, body["hostname"]) == (201, "one")


@only(POSTGRESQL)
def test_a_failure_of_the_rate_limiter_after_a_write_repeats_nothing_either(site, monkeypatch):
    def broken(*_args, **_kwargs):
        raise ZeroDivisionError("broken")

    monkeypatch.setattr(throttle.RateCheck, "record", broken)
    subnet = IPAddress.objects.first().subnet_id
    status, _body, _headers = site(
        "POST", f"/api/v1/subnets/{subnet}/next-free/", {"hostname": "one"}
    )
    assert status == 500
    assert IPAddress.objects.filter(hostname="one").count() == 1


@only(POSTGRESQL)  # elsewhere nothing is allocated on the fast path
def test_a_failure_after_a_write_is_a_500_and_nothing_is_done_twice(site, monkeypatch, caplog):
    def broken(*_args):
        raise ZeroDivisionError("broken")

    monkeypatch.setattr(pool_rows, "create_rows_ahead", broken)
    before, subnet = counted(), IPAddress.objects.first().subnet_id
    status, body, _headers = site(
        "POST", f"/api/v1/subnets/{subnet}/next-free/", {"hostname": "one"}
    )
    assert (status, body["status"]) == (500, 500)
    assert IPAddress.objects.filter(hostname="one").count() == 1
    assert grown(before) == {"500": 1}
    assert "ZeroDivisionError: broken" in caplog.text


@pytest.mark.parametrize("unusual", [{}, {"HTTP_IF_NONE_MATCH": '"x"'}])
def test_both_ways_believe_a_trusted_proxy_only(site, settings, unusual):
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.9.0.0/16")]
    Token.objects.update(networks=["203.0.113.0/24"])
    site("POST", ALLOCATE, {"vm_id": "vm-1"})
    said = {"HTTP_X_FORWARDED_FOR": "203.0.113.7", "HTTP_X_REQUEST_ID": "0123456789", **unusual}
    status, _body, headers = site("GET", "/api/v1/ip/stats", REMOTE_ADDR="10.9.0.1", **said)
    assert (status, headers["X-Request-ID"]) == (200, "0123456789")
    status, _body, headers = site("GET", "/api/v1/ip/stats", REMOTE_ADDR="10.8.0.1", **said)
    assert status in (401, 403) and headers["X-Request-ID"] != "0123456789"


def test_a_failure_is_counted_once_and_logged_with_the_id_of_the_response(site, monkeypatch):
    seen = []

    def broken():
        seen.append(REQUEST.get())
        raise ZeroDivisionError("broken")

    monkeypatch.setattr(prepared, "checked_database", broken)
    before = counted()
    status, body, headers = site("GET", "/api/v1/ip/stats")
    assert (status, body["total"]) == (200, 90)
    assert seen == [headers["X-Request-ID"]]
    assert grown(before) == {"200": 1}
    assert REQUEST.get() == ""


def test_nothing_is_added_to_the_environ_that_django_gets(site, monkeypatch):
    seen = []
    monkeypatch.setattr(
        WSGIHandler, "__call__", lambda _self, environ, _start: seen.append(environ)
    )
    for fastpath in (True, False):
        monkeypatch.setattr(settings, "FASTPATH", fastpath)
        with pytest.raises(TypeError):
            site("GET", "/api/v1/ip/nobody", HTTP_IF_NONE_MATCH='"x"')
    assert seen[0].keys() == seen[1].keys()


def test_in_a_subdirectory_django_answers(site):
    status, body, _headers = site("GET", "/api/v1/ip/stats", SCRIPT_NAME="/ipam")
    assert (status, body["total"]) == (200, 90)


@only(POSTGRESQL)
def test_a_connection_that_has_become_too_old_is_closed_after_the_answer(site):
    assert site("GET", "/api/v1/ip/stats")[0] == 200
    assert connection.connection is not None
    connection.close_at = 0.0
    assert site("GET", "/api/v1/ip/stats")[0] == 200
    assert connection.connection is None


@only(POSTGRESQL)
@pytest.mark.parametrize("superuser", [True, False])
def test_allocation_is_planned_once_however_few_addresses_are_free(
    site, settings, admin_user, superuser
):
    admin_user.is_superuser = superuser
    admin_user.save()
    admin_user.user_permissions.set(Permission.objects.filter(codename="change_ipaddress"))
    settings.POOL_NETWORK = ipaddress.ip_network("10.4.0.0/16")
    subnet = SubnetFactory(network="10.4.0.0/16", static_ip_pools=["10.4.0.1-10.4.255.254"])
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ip_addresses (ip_address, subnet_id, status, ip_type) SELECT inet "
            "'10.4.0.0' + n, %s, "
            "CASE WHEN n %% 100 = 0 THEN 'available' ELSE 'allocated' END, 'static' FROM "
            "generate_series(1, 60000) n",
            [subnet.pk],
        )
        cursor.execute("ANALYZE ip_addresses")
        for number in range(12):
            assert site("POST", ALLOCATE, {"vm_id": f"vm-{number}"})[0] == 201
        of_ours = "statement LIKE '%UPDATE ip_addresses%'"
        cursor.execute(
            f"SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE {of_ours} "
            f"ORDER BY 1"
        )
        # PostgreSQL plans the first five anew to see what that is worth; a superuser is asked for
        # less from then on
        assert cursor.fetchall() == ([(1, 0), (5, 6)] if superuser else [(5, 7)])
