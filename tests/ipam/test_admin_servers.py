import pytest
from django.urls import reverse

from ipam.allocate import reserve
from ipam.models import IPAddress, Server
from tests.ipam.admin_forms import (
    errors_of,
    filled,
    inline_errors_of,
    messages_of,
    queries_of,
    rows_shown,
    save,
)
from tests.ipam.factories import (
    InterfaceFactory,
    PoolFactory,
    ServerFactory,
    SubnetFactory,
    VRFFactory,
)

pytestmark = pytest.mark.django_db

LIST = reverse("admin:ipam_server_changelist")
ADD = reverse("admin:ipam_server_add")


@pytest.fixture
def subnet():
    return SubnetFactory(
        network="10.0.0.0/24", name="Office", static_ip_pools=["10.0.0.10-10.0.0.19"]
    )


def page(server):
    return reverse("admin:ipam_server_change", args=[server.pk])


def row(address):
    return IPAddress.objects.get(ip_address=address)


@pytest.mark.parametrize(
    "typed",
    [
        "web",
        "10.0.0.12",
        "10.0.0.12/30",
        "10.0.0.",
        "04b1.75ef.2da2",
        "02:00:00:00:00:AA",
        "172.16.0.9",
    ],
)
def test_the_search_finds_by_name_address_network_and_mac_of_any_card(admin_client, typed):
    server = ServerFactory(
        hostname="web-7", ip_address="10.0.0.12", mac_address="04:b1:75:ef:2d:a2"
    )
    InterfaceFactory(server=server, ip_address="172.16.0.9", mac_address="02:00:00:00:00:aa")
    ServerFactory(hostname="other", ip_address="10.9.0.12")

    assert rows_shown(admin_client.get(LIST, {"q": typed})) == [server]


def test_ten_servers_cost_as_many_queries_as_three(admin_client):
    for pool in PoolFactory.create_batch(3):
        ServerFactory(ip_address=pool.first)
    few = queries_of(admin_client, LIST)
    for pool in PoolFactory.create_batch(7):
        ServerFactory(ip_address=pool.first)

    assert queries_of(admin_client, LIST) == few


def test_a_server_with_many_addresses_shows_the_subnet_of_its_own_and_reads_no_other(
    admin_client, subnet
):
    server = ServerFactory(ip_address="10.0.0.10")
    for number in range(3):
        InterfaceFactory(server=server, ip_address=f"172.16.0.{number}")

    [listed] = rows_shown(admin_client.get(LIST))
    assert [row.subnet for row in listed.rows_of_its_address] == [subnet]


def test_a_saved_server_says_where_its_address_stands(admin_client, subnet):
    answer = save(admin_client, ADD, hostname="web-1", ip_address="10.0.0.10")

    assert "10.0.0.0/24 Office" in messages_of(answer)[0]
    assert row("10.0.0.10").server == Server.objects.get()


def test_a_server_whose_address_lies_in_no_subnet_is_saved_with_a_warning(admin_client):
    answer = save(admin_client, ADD, hostname="web-1", ip_address="172.16.0.1")

    assert messages_of(answer)[0].startswith("172.16.0.1 is in no subnet.")
    assert Server.objects.exists()


def test_a_taken_address_is_refused_at_its_field_with_its_holder(admin_client, subnet):
    ServerFactory(hostname="web-1", ip_address="10.0.0.10")

    answer = save(admin_client, ADD, hostname="web-2", ip_address="10.0.0.10")

    assert errors_of(answer) == {"ip_address": ["10.0.0.10 belongs to server “web-1”."]}


def test_a_taken_mac_is_refused_at_its_field_in_any_spelling(admin_client):
    ServerFactory(hostname="web-1", mac_address="04:b1:75:ef:2d:a2")

    answer = save(admin_client, ADD, hostname="web-2", mac_address="04B1.75EF.2DA2")

    assert errors_of(answer) == {"mac_address": ["04:b1:75:ef:2d:a2 belongs to server “web-1”."]}


def test_a_taken_address_of_a_new_servers_second_card_is_refused_at_its_line(admin_client, subnet):
    ServerFactory(hostname="web-1", ip_address="10.0.0.10")
    card = {
        "interfaces-TOTAL_FORMS": "1",
        "interfaces-0-name": "bmc",
        "interfaces-0-ip_address": "10.0.0.10",
    }

    answer = save(admin_client, ADD, hostname="web-2", **card)

    assert inline_errors_of(answer)[0]["ip_address"] == ["10.0.0.10 belongs to server “web-1”."]
    assert Server.objects.count() == 1


def test_a_new_server_gets_the_next_free_address_of_the_chosen_subnet(admin_client, subnet):
    ServerFactory(ip_address="10.0.0.10")

    save(admin_client, ADD, hostname="web-2", next_free_in=str(subnet.pk))

    assert str(Server.objects.get(hostname="web-2").ip_address) == "10.0.0.11"
    assert row("10.0.0.11").server.hostname == "web-2"


def test_an_address_and_a_subnet_for_the_next_free_one_are_too_much(admin_client, subnet):
    answer = save(
        admin_client, ADD, hostname="web-2", ip_address="10.0.0.15", next_free_in=str(subnet.pk)
    )

    assert errors_of(answer) == {
        "next_free_in": ["Give an IP address or choose a subnet, not both."]
    }


def test_the_next_free_address_comes_from_the_servers_own_vrf(admin_client, subnet):
    answer = save(
        admin_client, ADD, hostname="web-2", vrf=str(VRFFactory().pk), next_free_in=str(subnet.pk)
    )

    assert errors_of(answer) == {
        "next_free_in": ["This subnet lies in another VRF than the server."]
    }


def test_a_full_subnet_is_told_and_no_server_is_made(admin_client):
    full = SubnetFactory(network="10.1.0.0/32")
    ServerFactory(ip_address="10.1.0.0")

    answer = save(admin_client, ADD, hostname="web-2", next_free_in=str(full.pk))

    assert "10.1.0.0/32 has no free address." in errors_of(answer)["__all__"][0]
    assert not Server.objects.filter(hostname="web-2").exists()


def test_a_server_may_take_an_address_that_was_reserved_for_it(admin_client, subnet):
    reserve(row("10.0.0.12"), "for web-1")

    save(admin_client, ADD, hostname="web-1", ip_address="10.0.0.12")

    assert row("10.0.0.12").server.hostname == "web-1"


def test_moving_a_server_frees_its_old_address(admin_client, subnet):
    server = ServerFactory(ip_address="10.0.0.10")

    save(admin_client, page(server), ip_address="10.0.0.11")

    assert (row("10.0.0.10").status, row("10.0.0.11").server) == ("available", server)


def test_delete_selected_keeps_the_rows_in_step(admin_client, subnet):
    servers = [ServerFactory(ip_address=f"10.0.0.{number}") for number in (10, 11, 200)]
    chosen = {
        "action": "delete_selected",
        "_selected_action": [server.pk for server in servers],
        "post": "yes",
    }

    admin_client.post(LIST, chosen)

    assert not IPAddress.objects.live().exists()
    assert IPAddress.objects.count() == 10


def test_history_names_the_change_in_words(admin_client, subnet):
    server = ServerFactory(hostname="web-1", ip_address="10.0.0.10", enabled=True)
    url = page(server)
    data = filled(admin_client.get(url), ip_address="10.0.0.11")
    del data["enabled"]
    admin_client.post(url, data)

    changes = admin_client.get(reverse("admin:ipam_server_history", args=[server.pk])).context[
        "page_obj"
    ][0]

    assert {
        (change["field"], change["old"], change["new"]) for change in changes.history_delta_changes
    } == {
        ("IP address", "10.0.0.10", "10.0.0.11"),
        ("Enabled", "Yes", "No"),
    }


def test_saving_a_form_that_nobody_touched_leaves_no_line_of_history(admin_client, subnet):
    server = ServerFactory(ip_address="10.0.0.10")
    nic = InterfaceFactory(server=server, ip_address="10.0.0.11", mac_address="02:00:00:00:00:aa")

    save(admin_client, page(server))

    assert (server.history.count(), nic.history.count(), row("10.0.0.10").history.count()) == (
        1,
        1,
        1,
    )


def test_before_a_server_is_deleted_the_addresses_that_become_free_are_named(admin_client, subnet):
    server = ServerFactory(ip_address="10.0.0.10")

    text = admin_client.get(reverse("admin:ipam_server_delete", args=[server.pk])).content.decode()

    assert "10.0.0.10 becomes free" in text


@pytest.mark.parametrize("name", ["subnet", "server", "ipaddress"])
def test_every_line_of_history_opens(admin_client, subnet, name):
    rows = {
        "subnet": subnet,
        "server": ServerFactory(ip_address="10.0.0.10"),
        "ipaddress": row("10.0.0.10"),
    }
    old = rows[name].history.first()

    answer = admin_client.get(reverse(f"admin:ipam_{name}_simple_history", args=[old.id, old.pk]))

    assert "Revert" in answer.content.decode()


NO_KEYS = ["12h", "²", "9" * 23]


@pytest.mark.parametrize("typed", NO_KEYS)
def test_what_is_no_subnet_is_refused_at_its_field_and_the_rest_stays(admin_client, typed):
    changed = page(ServerFactory())

    for url in (ADD, changed):
        answer = save(admin_client, url, hostname="web-1", next_free_in=typed)

        assert list(errors_of(answer)) == ["next_free_in"]
        assert "web-1" in answer.content.decode()


@pytest.mark.parametrize("given", NO_KEYS)
def test_a_link_to_a_new_server_may_name_no_subnet(admin_client, given):
    assert admin_client.get(ADD, {"next_free_in": given, "vrf": given}).status_code == 200


@pytest.mark.parametrize(
    "wrong", [{"ip_address": "10.0.0.300"}, {"mac_address": "zz"}, {"vrf": "12h"}]
)
def test_a_typo_on_the_server_page_comes_back_with_its_reason(admin_client, wrong):
    answer = save(admin_client, page(ServerFactory(ip_address="10.0.0.10")), **wrong)

    assert list(errors_of(answer)) == list(wrong)


@pytest.mark.parametrize(
    "wrong", [{"interfaces-0-ip_address": "abc"}, {"interfaces-0-mac_address": "zz"}]
)
def test_a_typo_on_a_servers_card_comes_back_with_its_reason(admin_client, wrong):
    answer = save(admin_client, page(InterfaceFactory(ip_address="10.0.0.12").server), **wrong)

    assert [list(errors) for errors in inline_errors_of(answer)] == [
        [name.split("-")[-1] for name in wrong]
    ]
    assert next(iter(wrong.values())) in answer.content.decode()
