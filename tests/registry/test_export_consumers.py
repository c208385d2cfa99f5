"""The exports before those who read them in real life: dnsmasq, nginx, HAProxy, and published
schemas."""

import json
import re
import subprocess
from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from registry.export import FORMATS
from tests.registry.services import OPTIONS, export, service, several
from tests.support import require
from tests.support.dns import NXDOMAIN, name_server
from tests.support.postgres import free_port

SCHEMAS = Path(__file__).parents[1] / "data/schemas"


def data(name, records):
    return FORMATS[name].render(records, OPTIONS).data


# --- dnsmasq --------------------------------------------------------------------------------------


@require.mark("dnsmasq")
def test_dnsmasq_answers_with_the_services_addresses_and_ports(tmp_path):
    records = [*several(), service("büro")]
    with name_server(tmp_path, data("hosts", records), data("srv", records)) as ask:
        assert ask("billing-1.production.internal") == ["10.0.0.5"]
        assert ask("billing.production.internal") == ["10.0.0.5", "10.0.0.6"]
        assert ask("db.production.internal", "AAAA") == ["fd00::7"]
        assert ask("_billing._tcp.production.internal", "SRV") == [
            "8000 billing-1.production.internal",
            "8001 billing-2.production.internal",
        ]
        assert ask("_names._udp.production.internal", "SRV") == ["53 names.production.internal"]
        assert ask("mail.production.internal") == [NXDOMAIN]  # inactive


# --- nginx and HAProxy ----------------------------------------------------------------------------


@require.mark("nginx")
@pytest.mark.parametrize("records", [several(), []], ids=["several", "none"])
def test_nginx_takes_the_upstreams(tmp_path, records):
    (tmp_path / "upstreams.conf").write_bytes(data("nginx", records))
    conf = tmp_path / "nginx.conf"
    user = f"location /{{ proxy_pass http://{'billing' if records else '127.0.0.1:9'}; }}"
    conf.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; include {tmp_path}/upstreams.conf;\n"
        f"server {{ listen unix:{tmp_path}/socket; {user} }} }}\n"
    )
    done = run("nginx", "-t", "-p", str(tmp_path), "-c", str(conf))
    assert "test is successful" in done
    assert "[warn]" not in done


@require.mark("nginx", "openssl")
def test_nginx_takes_the_sites(tmp_path):
    names = [
        "billing",
        "a" * 26,
        "b" * 26,
        "c" * 27,
    ]  # the longest that it takes, twice, and one too long
    site = data(
        "nginx_site", [service(name, port=8000 + number) for number, name in enumerate(names)]
    ).decode()
    assert site.count("server_name") == 3
    (tmp_path / "services.conf").write_text(site.replace("443", str(free_port())))
    (tmp_path / "tls").mkdir()
    key, certificate = (
        str(tmp_path / f"tls/production.internal.{kind}") for kind in ("key", "crt")
    )
    run(
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=x",
        "-keyout",
        key,
        "-out",
        certificate,
    )
    conf = tmp_path / "nginx.conf"
    conf.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; include {tmp_path}/services.conf; }}\n"
    )
    done = run("nginx", "-t", "-p", str(tmp_path), "-c", str(conf))
    assert "test is successful" in done and "[warn]" not in done


@require.mark("haproxy")
def test_haproxy_takes_the_backends_without_a_warning(tmp_path):
    (tmp_path / "backends.cfg").write_bytes(data("haproxy", several()))
    (tmp_path / "haproxy.cfg").write_text(
        "defaults\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n"
        f"frontend door\n mode http\n bind unix@{tmp_path}/socket\n default_backend billing\n"
    )
    assert "alid" in run(
        "haproxy", "-c", "-dW", "-f", f"{tmp_path}/haproxy.cfg", "-f", f"{tmp_path}/backends.cfg"
    )


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# --- schemas --------------------------------------------------------------------------------------

KINDS = {
    "Service": "io.k8s.api.core.v1.Service",
    "EndpointSlice": "io.k8s.api.discovery.v1.EndpointSlice",
    "Ingress": "io.k8s.api.networking.v1.Ingress",
}
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


def schema(name):
    return json.loads((SCHEMAS / name).read_text())


def assert_kubernetes_takes(manifest):
    whole = schema("kubernetes-1.37.json")
    validator = Draft202012Validator(
        {"$ref": f"#/$defs/{KINDS[manifest['kind']]}", "$defs": whole["$defs"]}
    )
    assert [error.message for error in validator.iter_errors(manifest)] == []
    # What the API server checks beyond the schema: names, label values, port names.
    metadata = manifest["metadata"]
    assert len(metadata["name"]) <= 253 and SUBDOMAIN.fullmatch(metadata["name"])
    assert all(LABEL_VALUE.fullmatch(value) for value in metadata["labels"].values())
    if manifest["kind"] == "Service":
        assert re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", metadata["name"])
    for endpoint in manifest.get("endpoints", ()):
        (ip,) = map(ip_address, endpoint["addresses"])
        assert f"IPv{ip.version}" == manifest["addressType"]
        assert not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified)


@pytest.mark.parametrize("name", ["kubernetes", "ingress"])
def test_kubernetes_schema_takes_the_manifests(name):
    manifests = list(yaml.safe_load_all(export(name, several())))
    assert len(manifests) >= 2
    for manifest in manifests:
        assert_kubernetes_takes(manifest)


def test_kubernetes_schema_refuses_what_is_wrong():
    manifest = next(yaml.safe_load_all(export("kubernetes", several())))
    manifest["spec"]["ports"][0]["port"] = "80"
    manifest["spec"]["prots"] = []
    with pytest.raises(AssertionError, match="prots"):
        assert_kubernetes_takes(manifest)


def test_the_compose_schema_takes_the_ports_and_would_refuse_others():
    validator = Draft202012Validator(schema("compose-spec.json"))
    found = yaml.safe_load(export("compose", several()))
    assert [error.message for error in validator.iter_errors(found)] == []
    found["services"]["names"]["ports"][0]["target"] = [53]
    assert list(validator.iter_errors(found))


def test_prometheus_takes_the_targets_by_its_documented_rules():
    """https://prometheus.io/docs/prometheus/latest/http_sd/ and the data model's rules for
    labels."""
    groups = json.loads(data("http_sd", several()).decode("utf-8"))
    assert FORMATS["http_sd"].media_type == "application/json"
    assert len(groups) == 4
    for group in groups:
        assert group.keys() == {"targets", "labels"}
        assert all(
            re.fullmatch(r"([0-9.]+|\[[0-9a-f:]+\]):\d{1,5}", target) for target in group["targets"]
        )
        assert all(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) for name in group["labels"])
        assert all(isinstance(value, str) for value in group["labels"].values())


def test_a_shell_reads_the_variables_as_they_are(tmp_path):
    file = tmp_path / "services.env"
    file.write_bytes(data("env", [*several(), service("3d-print", "10.0.0.9"), service("büro")]))
    variables = "$BILLING_1_SERVICE_HOST:$DB_SERVICE_HOST:$_3D_PRINT_SERVICE_PORT"
    script = f'set -eu; . {file}; echo "{variables}"'
    assert run("sh", "-c", script) == "10.0.0.5:fd00::7:8000\n"
