"""registry.export: each format, line by line; what cannot be told is left out by name."""

import json

import pytest
import yaml

from core.errors import Invalid
from registry.export import FORMATS, Options
from tests.registry.services import OPTIONS, export, reasons, service, several


def test_hosts():
    assert export("hosts", several()) == (
        "10.0.0.5 billing-1.production.internal billing.production.internal\n"
        "10.0.0.6 billing-2.production.internal billing.production.internal\n"
        "fd00::7 db.production.internal\n"
        "10.0.0.8 names.production.internal\n"
    )


def test_srv():
    assert export("srv", several()) == (
        "local=/production.internal/\n"
        "srv-host=_billing._tcp.production.internal,billing-1.production.internal,8000\n"
        "srv-host=_billing._tcp.production.internal,billing-2.production.internal,8001\n"
        "srv-host=_db._tcp.production.internal,db.production.internal,5000\n"
        "srv-host=_names._udp.production.internal,names.production.internal,53\n"
    )


def test_env():
    assert export("env", several()[:1] + several()[3:4]) == (
        "BILLING_1_SERVICE_HOST=10.0.0.5\nBILLING_1_SERVICE_PORT=8000\n"
        "DB_SERVICE_HOST=fd00::7\nDB_SERVICE_PORT=5000\n"
    )


def test_a_variable_begins_with_no_digit():
    assert export("env", [service("3d-print")]).startswith("_3D_PRINT_SERVICE_HOST=")


def test_nginx():
    assert export("nginx", several()[:3]) == (
        "upstream billing {\n    server 10.0.0.5:8000;\n    server 10.0.0.6:8001;\n}\n"
        "upstream mail {\n    server 10.0.0.5:8002 down;\n}\n"
    )


def test_nginx_site_serves_web_and_api_services_alone_and_over_tls():
    records = [service("shop", type="web"), service("db", port=5000, type="database")]
    text = export("nginx_site", records)
    assert text.startswith(
        "upstream shop {\n    server 10.0.0.5:8000;\n}\nserver {\n    listen 443 ssl;\n"
    )
    assert "    server_name shop.production.internal;\n" in text
    assert reasons("nginx_site", records) == [
        ("db", "type", "only web and api services speak HTTP")
    ]


def test_haproxy():
    assert export("haproxy", several()[2:4]) == (
        "backend db\n    mode tcp\n    balance roundrobin\n    server db [fd00::7]:5000 check\n"
        "backend mail\n    mode http\n    balance roundrobin\n"
        "    server mail 10.0.0.5:8002 check disabled\n"
    )


def test_http_sd():
    targets = json.loads(export("http_sd", several()))
    assert [target["targets"] for target in targets] == [
        ["10.0.0.5:8000"],
        ["10.0.0.6:8001"],
        ["[fd00::7]:5000"],
        ["10.0.0.5:8002"],
    ]
    assert targets[3]["labels"] == {
        "service": "mail",
        "service_id": "mail",
        "service_type": "api",
        "environment": "production",
        "__meta_ipmanager_service_name": "mail",
        "__meta_ipmanager_status": "inactive",
    }


def test_compose():
    services = yaml.safe_load(export("compose", several()))["services"]
    assert services["billing-1"] == {
        "ports": [{"target": 80, "published": "8000", "host_ip": "10.0.0.5", "protocol": "tcp"}],
        "depends_on": ["db", "mail"],
        "environment": {
            "DB_SERVICE_HOST": "db",
            "DB_SERVICE_PORT": "5000",
            "MAIL_SERVICE_HOST": "mail",
            "MAIL_SERVICE_PORT": "8002",
        },
    }
    assert services["names"]["ports"] == [
        {"target": 53, "published": "53", "host_ip": "10.0.0.8", "protocol": "udp"}
    ]


def test_compose_leaves_a_circle_of_dependencies_out_because_it_would_refuse_the_file():
    records = [service("a", dependencies=("b",)), service("b", port=8001, dependencies=("a",))]
    assert "depends_on" not in export("compose", records)
    assert reasons("compose", records) == [
        (own, "dependencies", "they lead in a circle") for own in "ab"
    ]


def test_kubernetes():
    whole = [
        *several()[:2],
        service("billing-3", "10.0.0.9", 8000, status="inactive", container_port=80),
    ]
    found, first, second = yaml.safe_load_all(export("kubernetes", whole))
    labels = {"app.kubernetes.io/name": "billing", "app.kubernetes.io/managed-by": "ipmanager"}
    assert found == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "billing", "labels": labels},
        "spec": {"ports": [{"name": "tcp", "protocol": "TCP", "port": 80}]},
    }
    assert first["metadata"]["labels"]["kubernetes.io/service-name"] == "billing"
    assert first["ports"] == [{"name": "tcp", "protocol": "TCP", "port": 8000}]
    assert first["endpoints"] == [
        {"addresses": ["10.0.0.5"], "conditions": {"ready": True}},
        {"addresses": ["10.0.0.9"], "conditions": {"ready": False}},
    ]
    assert second["metadata"]["name"] == "billing-tcp-ipv4-8001-1"


def test_kubernetes_takes_a_thousand_endpoints_in_a_slice():
    crowd = [service(f"web-{n}", f"10.1.{n // 250}.{n % 250}", 80) for n in range(1500)]
    slices = [
        one
        for one in yaml.safe_load_all(export("kubernetes", crowd))
        if one["kind"] == "EndpointSlice"
    ]
    assert [len(one["endpoints"]) for one in slices] == [1000, 500]
    assert len({one["metadata"]["name"] for one in slices}) == 2


def test_an_ingress_calls_the_service_by_the_port_that_the_service_has():
    found = list(yaml.safe_load_all(export("ingress", several())))
    ports = {
        one["metadata"]["name"]: one["spec"]["ports"][0]["port"]
        for one in yaml.safe_load_all(export("kubernetes", several()))
        if one["kind"] == "Service"
    }
    for one in found:
        (rule,) = one["spec"]["rules"]
        backend = rule["http"]["paths"][0]["backend"]["service"]
        assert (rule["host"], backend["port"]["number"]) == (
            f"{backend['name']}.production.internal",
            ports[backend["name"]],
        )
    assert [one["metadata"]["name"] for one in found] == ["billing", "mail"]


# --- who is left out ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "compose"])
def test_nobody_is_sent_to_an_address_that_is_no_hosts(name):
    everywhere = [
        service("a", "0.0.0.0"),
        service("b", "::", 8001),
        service("c", "224.0.0.5", 8002),
    ]
    assert [out[0] for out in reasons(name, everywhere)] == ["a", "b", "c"]


def test_a_service_that_listens_everywhere_is_called_where_it_was_heard_of():
    record = service("a", "0.0.0.0", reached=service().ip)
    assert export("hosts", [record]) == "10.0.0.5 a.production.internal\n"
    assert '"host_ip": "0.0.0.0"' in json.dumps(yaml.safe_load(export("compose", [record])))


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1", "169.254.1.1", "fe80::1"])
def test_kubernetes_refuses_addresses_of_one_host_alone(ip):
    ((_id, _field, reason),) = reasons("kubernetes", [service("a", ip)])
    assert reason == f"{ip} is not reached from another host"


def test_kubernetes_names_begin_with_a_letter():
    ((_id, _field, reason),) = reasons("kubernetes", [service("3d-print")])
    assert reason == "Kubernetes' names begin with a letter"


@pytest.mark.parametrize(
    ("service_id", "reason"),
    [
        ("a" * 64, "its id is longer than the 63 characters of a DNS label"),
        ("büro", "its id is not ASCII"),
        ("a/b", "its id may hold letters, digits and . _ - only"),
        ("---", "its id may hold letters, digits and . _ - only"),
    ],
)
def test_an_id_that_is_no_dns_label_is_left_out(service_id, reason):
    assert reasons("hosts", [service(service_id)]) == [(service_id, "service_id", reason)]


def test_ids_become_labels():
    assert export("hosts", [service("Finance_Service.v2", name="Finance_Service.v2")]) == (
        "10.0.0.5 finance-service-v2.production.internal\n"
    )


def test_of_two_ids_with_the_same_label_the_first_is_told():
    records = [service("a_b"), service("a-b", port=8001)]
    assert reasons("hosts", records) == [("a_b", "service_id", "a-b is already a-b")]


def test_a_name_that_is_no_label_leaves_the_service_under_its_id():
    record = service("billing-1", name="Büro")
    assert export("hosts", [record]) == "10.0.0.5 billing-1.production.internal\n"
    assert reasons("hosts", [record]) == [("billing-1", "name", "its name is not ASCII")]


def test_a_name_never_takes_the_name_of_another_service():
    records = [service("db", name="Main database"), service("copy", port=8001, name="db")]
    assert export("hosts", records) == (
        "10.0.0.5 copy.production.internal\n"
        "10.0.0.5 db.production.internal main-database.production.internal\n"
    )
    assert reasons("hosts", records) == [("copy", "name", "db already means another service")]


def test_whoever_is_left_out_is_named_at_the_top_of_the_file():
    text = FORMATS["hosts"].render([service("büro\n10.9.9.9 evil")], OPTIONS).data.decode()
    assert text == (
        "# Written by IPManager; change it at http://ipm.test/admin/registry/service/\n"
        "# left out: b?ro?10.9.9.9 evil: its id is not ASCII\n"
    )


# --- options, and nothing at all ------------------------------------------------------------------


@pytest.mark.parametrize(
    "domain", ["", "a b", "a\nb", "A.internal", ".internal", "a..b", "a/", "x" * 64, "a." * 60]
)
def test_a_domain_that_is_none_is_refused(domain):
    with pytest.raises(Invalid, match="domain"):
        Options(domain)


@pytest.mark.parametrize("name", FORMATS)
def test_no_services_are_a_valid_file(name):
    text = export(name, [])
    assert text == {
        "http_sd": "[]\n",
        "srv": "local=/production.internal/\n",
        "compose": "---\nservices: {}\n",
    }.get(name, "")


@pytest.mark.parametrize("name", FORMATS)
def test_the_order_of_the_records_changes_no_byte(name):
    assert FORMATS[name].render(several(), OPTIONS) == FORMATS[name].render(
        several()[::-1], OPTIONS
    )
