"""Running containers become services: through the API of an engine that answers in Docker's
documented shapes."""

import json
from ipaddress import ip_address

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from registry.docker import containers as docker
from registry.models import Service
from tests.support.docker import composed, container, engine, exposed, published

SHOP = [
    container(
        "shop-web-1",
        [published(80, 8080), published(80, 8080, "::")],
        composed("shop", "web", depends_on=["db"]),
        "172.18.0.3",
    ),
    container("shop-db-1", [exposed(5432)], composed("shop", "db"), "172.18.0.2"),
    container(
        "names",
        [published(53, 53, "10.0.0.5", "udp"), published(53, 53, "10.0.0.5"), exposed(9153)],
    ),
    container("lonely"),
]


@pytest.fixture
def import_docker(db, tmp_path, capsys):
    """Import from an engine with these containers; what the command printed."""

    def run(containers, **options):
        with engine(containers, tmp_path / "docker.sock") as host:
            call_command("import_docker", host=host, **options)
        (tmp_path / "docker.sock").unlink()
        return capsys.readouterr().out

    return run


def places():
    return {
        row.service_id: f"{row.ip_address}:{row.port}/{row.protocol} {row.container_port}"
        for row in Service.objects.order_by("service_id")
    }


def test_published_ports_and_else_own_addresses_become_services(import_docker):
    assert import_docker(SHOP).splitlines()[-1] == "4 new"
    assert places() == {
        "names-53": "10.0.0.5:53/tcp 53",
        "names-53-udp": "10.0.0.5:53/udp 53",
        "shop-db-1": "172.18.0.2:5432/tcp 5432",
        "shop-web-1": "0.0.0.0:8080/tcp 80",
    }


def test_the_address_of_the_engines_machine_stands_for_every_address(import_docker):
    import_docker(SHOP, address="10.0.0.5")
    assert places()["shop-web-1"] == "10.0.0.5:8080/tcp 80"


def test_names_types_and_dependencies_come_from_the_labels(import_docker):
    labels = {"ipmanager.service_id": "db", "ipmanager.service_type": "database"}
    import_docker([SHOP[0], container("x", [exposed(5432)], composed("shop", "db", **labels))])
    web, database = (
        Service.objects.get(service_id="shop-web-1"),
        Service.objects.get(service_id="db"),
    )
    assert (web.name, web.dependencies) == ("web", ["db"])
    assert (database.name, database.type) == ("db", "database")


def test_a_second_import_is_a_sign_of_life_and_makes_nothing_new(import_docker):
    import_docker(SHOP)
    before = places()
    Service.objects.update(status="inactive", last_heartbeat="2026-01-01T00:00:00Z")
    assert import_docker(SHOP).splitlines()[-1] == "4 same"
    assert places() == before
    assert set(Service.objects.values_list("status", flat=True)) == {"active"}
    assert not Service.objects.filter(last_heartbeat__lt="2026-02-01T00:00:00Z").exists()


def test_a_container_that_comes_back_on_another_port_moves(import_docker):
    import_docker([container("web", [published(80, 8080)])])
    assert "moved   web" in import_docker([container("web", [published(80, 8081)])])
    assert places() == {"web": "0.0.0.0:8081/tcp 80"}


def test_who_registered_itself_elsewhere_is_left_alone(import_docker, registry):
    registry.register("web", preferred_port=8050)
    with pytest.raises(CommandError, match="1 refused"):
        import_docker([container("web", [published(80, 8080)])])
    assert places() == {"web": "127.0.0.1:8050/tcp None"}


def test_a_container_that_is_refused_stops_no_other(import_docker, registry):
    registry.register("holder", preferred_port=8080, host="10.0.0.5")
    with pytest.raises(CommandError, match="2 refused"):
        import_docker(
            [
                container("a", [published(80, 8080)]),
                container("b", [published(80, 8081)]),
                container("c", [published(80, 8082)], {"ipmanager.service_id": "x\ny"}),
            ]
        )
    assert list(places()) == ["b", "holder"]


def test_a_dry_run_says_the_same_and_writes_nothing(import_docker):
    told = json.loads(import_docker(SHOP, dry_run=True, json=True))
    assert told[0] == {"service_id": "names-53", "place": "10.0.0.5:53/tcp", "outcome": "new"}
    assert places() == {}


# --- the engine -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_engine_is_asked_over_tcp_too(capsys):
    with engine(SHOP) as host:
        call_command("import_docker", host=host)
    assert len(places()) == 4


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ({"containers": b"{"}, "not JSON"),
        ({"containers": b"[" * 200_000}, "not JSON"),
        ({"containers": {"message": "x"}}, "not a list"),
        (
            {"containers": {"message": "client is too old"}, "status": 400},
            "HTTP 400.*client is too old",
        ),
        ({"containers": [], "speaks_docker": False}, "not from a Docker engine"),
    ],
)
def test_an_answer_that_is_none_is_told(answer, complaint):
    with engine(**answer) as host, pytest.raises(CommandError, match=complaint):
        call_command("import_docker", host=host)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("host", "complaint"),
    [
        ("unix:///nowhere/docker.sock", "does not answer.*group docker"),
        ("tcp://127.0.0.1:9", "does not answer"),
        ("ftp://127.0.0.1", "not the address of an engine"),
        ("tcp://127.0.0.1:99999", "not an address"),
        ("/var/run/docker.sock", "not the address of an engine"),
    ],
)
def test_an_engine_that_is_not_there_is_named(host, complaint):
    with pytest.raises(CommandError, match=complaint):
        call_command("import_docker", host=host)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("0.0.0.0"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Names",
                    "Ports",
                    "Labels",
                    "IP",
                    "Type",
                    "PrivatePort",
                    "PublicPort",
                    "NetworkSettings",
                    "Networks",
                    "IPAddress",
                    "Id",
                    "Image",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["Names", "Ports", "Labels", "NetworkSettings"]), anything),
        max_size=3,
    )
)
def test_no_answer_whatsoever_is_an_error_of_ours(answer):
    docker.registrations(answer, "development", ip_address("10.0.0.5"))
