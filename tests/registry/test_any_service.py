"""Whatever text stands in a service's fields, no export gains a line, a directive or a key by it.

Each format is read back by a grammar of its own, written here from what its reader documents.
IPMANAGER_TEST_PROOF=1 (`make proof`) tries a hundred times as many.
"""

import json
import os
import re

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.export import FORMATS
from registry.export.validate import validate
from registry.models import service_id_shape, text_shape, type_shape
from tests.registry.services import OPTIONS, service

EXAMPLES = 10_000 if os.environ.get("IPMANAGER_TEST_PROOF") else 50

magic = st.sampled_from(
    [
        "a\nb",
        "a\r\nserver 10.9.9.9",
        "a;",
        "a}",
        "}\n",
        "{",
        "# x",
        "a: b",
        "- a",
        "yes",
        "null",
        "1e3",
        "0x1f",
        "12:30",
        "&a",
        "*a",
        "!x",
        "<<",
        "$(id)",
        "`id`",
        "${HOME}",
        "a b",
        "a\tb",
        "\u2028",
        "\x85",
        "\x00",
        "a" * 63,
        "a" * 64,
        "-a",
        "a-",
        "a--b",
        "a.b",
        "A",
        "\u212a",
        "büro",
        "3d",
        "%s",
        "{0}",
        "a\\",
        '"',
        "'",
    ]
)
text = magic | st.text(max_size=70) | st.text("abz-._ 09:;{}#\n\"'\\$", max_size=10)
# What the models take, too: short, so that labels meet.
stored = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._:@+~-]{0,4}\Z")
port = (
    st.sampled_from([1, 80, 8000, 65535])
    | st.integers(-1, 70000)
    | st.sampled_from(["80", None, True, "1\n"])
)
ips = (
    st.ip_addresses()
    | st.sampled_from(["0.0.0.0", "10.0.0.1", "fd00::1", "fe80::1%a\nb"])
    | st.just(None)
)


@st.composite
def services(draw):
    return service(
        draw(stored | text),
        draw(ips),
        draw(port),
        name=draw(stored | text),
        type=draw(st.sampled_from(["api", "web"]) | text),
        protocol=draw(st.sampled_from(["tcp", "udp"]) | text),
        status=draw(st.sampled_from(["active", "inactive"]) | text),
        environment=draw(text),
        dependencies=tuple(draw(st.lists(stored | text, max_size=3))),
        container_port=draw(st.none() | port),
    )


LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
NAME = rf"{LABEL}\.production\.internal"
IP = r"(?:[0-9.]{7,15}|[0-9a-f:]{2,39})"
SOCKET = r"(?:[0-9.]{7,15}|\[[0-9a-f:]{2,39}\]):[0-9]{1,5}"
GRAMMARS = {
    "hosts": rf"{IP} {NAME}( {NAME})?",
    "srv": r"local=/production\.internal/|"
    rf"srv-host=_{LABEL}\._(tcp|udp)\.production\.internal,{NAME},[0-9]{{1,5}}",
    "env": rf"[A-Z_][A-Z0-9_]*_SERVICE_(HOST={IP}|PORT=[0-9]{{1,5}})",
    "nginx": rf"upstream {LABEL} {{|    server {SOCKET}( down)?;|}}",
    "nginx_site": rf"upstream {LABEL} {{|    server {SOCKET}( down)?;|}}|server {{|"
    r"    listen (\[::\]:)?443 ssl;|"
    rf"    server_name {NAME};|    ssl_certificate(_key)? tls/production\.internal\.(crt|key);|"
    rf"    location / {{|        proxy_pass http://{LABEL};|        proxy_http_version 1\.1;|"
    r"        proxy_set_header [\w-]+ \$\w+;|"
    "    }",
    "haproxy": rf"backend {LABEL}|    mode (http|tcp)|    balance roundrobin|"
    rf"    server {LABEL} {SOCKET} check( disabled)?",
}
quick = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@quick
@given(st.lists(services(), max_size=6))
def test_no_text_breaks_any_format(records):
    made = {
        name: one.render(records, OPTIONS).data.decode("ascii") for name, one in FORMATS.items()
    }
    for name, grammar in GRAMMARS.items():
        assert_lines(made[name], grammar)
    for name in ("kubernetes", "ingress"):
        assert_manifests(yaml.safe_load_all(made[name]))
    assert_compose(yaml.safe_load(made["compose"]), validate(records).entries)
    assert_targets(json.loads(made["http_sd"]))


def assert_lines(text, grammar):
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        assert re.fullmatch(grammar, line) or re.fullmatch("# [ -~]*", line), line


def assert_manifests(manifests):
    for manifest in manifests:
        assert manifest.keys() <= {
            "apiVersion",
            "kind",
            "metadata",
            "spec",
            "addressType",
            "ports",
            "endpoints",
        }
        assert re.fullmatch(r"[a-z][a-z0-9-]*", manifest["metadata"]["name"])


def assert_compose(found, entries):
    assert list(found) == ["services"]
    assert list(found["services"]) == [entry.id for entry in entries]
    for entry in entries:
        one = found["services"][entry.id]
        assert one["ports"] == [
            {
                "target": entry.container_port,
                "published": str(entry.port),
                "host_ip": str(entry.record.ip),
                "protocol": entry.protocol,
            }
        ]
        assert set(one.get("depends_on", ())) <= set(found["services"])


def assert_targets(groups):
    for group in groups:
        assert re.fullmatch(SOCKET, group["targets"][0])
        assert all(isinstance(value, str) for value in group["labels"].values())


@quick
@given(st.lists(services(), max_size=6))
def test_every_service_is_told_or_named(records):
    services = validate(records)
    named = [problem for problem in services.left_out if problem.field != "name"]
    assert len(services.entries) + len(named) == len(records)
    ids = {entry.id: entry for entry in services.entries}
    for entry in services.entries:  # a group never bears the name of a service that is not in it
        assert (
            entry.group not in ids
            or entry.group == entry.id
            or ids[entry.group].record.name == entry.record.name
        )


def test_the_texts_above_include_what_the_models_take():
    for value in ("billing_1", "a@b", "a+b", "3d"):
        service_id_shape(value)
    text_shape("# x: {")
    type_shape("0x1f")
