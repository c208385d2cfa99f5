import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from ipam.admin.subnets import SubnetAdmin
from ipam.allocate import reserve
from ipam.models import IPAddress, Pool, Subnet
from tests.ipam.admin_forms import (
    errors_of,
    inline_errors_of,
    messages_of,
    queries_of,
    rows_shown,
    save,
)
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory, VRFFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:ipam_subnet_changelist")
ADD = reverse("admin:ipam_subnet_add")


@pytest.fixture
def subnet():
    return SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.10-10.0.0.19"])


def page(name, subnet):
    return reverse(f"admin:ipam_subnet_{name}", args=[subnet.pk])


def networks(page):
    return [str(subnet.network) for subnet in rows_shown(page)]


# --- the list -------------------------------------------------------------------------------------


def test_the_list_indents_a_subnet_by_those_around_it(admin_client):
    for network in ("10.0.0.0/24", "10.0.0.0/8", "10.0.0.0/16", "192.168.0.0/24"):
        SubnetFactory(network=network)

    shown = {str(subnet.network): subnet.depth for subnet in rows_shown(admin_client.get(LIST))}

    assert shown == {"10.0.0.0/8": 0, "10.0.0.0/16": 1, "10.0.0.0/24": 2, "192.168.0.0/24": 0}


def test_a_later_page_knows_the_parents_on_the_earlier_one(admin_client, monkeypatch):
    monkeypatch.setattr("ipam.admin.subnets.SubnetAdmin.list_per_page", 2)
    for network in ("10.0.0.0/8", "10.0.0.0/16", "10.0.0.0/24", "10.0.1.0/24"):
        SubnetFactory(network=network)

    assert [subnet.depth for subnet in rows_shown(admin_client.get(LIST, {"p": 2}))] == [2, 2]


def test_another_vrf_has_a_tree_of_its_own(admin_client):
    SubnetFactory(network="10.0.0.0/8")
    SubnetFactory(network="10.0.0.0/24", vrf=VRFFactory())

    assert [subnet.depth for subnet in rows_shown(admin_client.get(LIST))] == [0, 0]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("10.0.0.5", ["10.0.0.0/8", "10.0.0.0/24"]),
        ("10.0.0.0/16", ["10.0.0.0/24", "10.0.1.0/24"]),
        ("10.0.1", ["10.0.1.0/24"]),
        ("office", ["10.0.1.0/24"]),
        ("120", ["10.0.0.0/24"]),
        ("2001:db8::1", ["2001:db8::/64"]),
        ("nothing like it", []),
    ],
)
def test_the_search_knows_what_an_address_is(admin_client, typed, found):
    SubnetFactory(network="10.0.0.0/8")
    SubnetFactory(network="10.0.0.0/24", vlan_id=120)
    SubnetFactory(network="10.0.1.0/24", name="Main office")
    SubnetFactory(network="2001:db8::/64")

    assert networks(admin_client.get(LIST, {"q": typed})) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"site": "HQ"}, ["10.0.0.0/24"]),
        ({"vlan_id": "7"}, ["10.0.1.0/24"]),
        ({"vrf": "none"}, ["10.0.0.0/24", "10.0.1.0/24"]),
    ],
)
def test_the_list_is_filtered_by_site_vlan_and_vrf(admin_client, query, found):
    SubnetFactory(network="10.0.0.0/24", site="HQ")
    SubnetFactory(network="10.0.1.0/24", vlan_id=7)
    SubnetFactory(network="10.0.2.0/24", vrf=VRFFactory())

    assert networks(admin_client.get(LIST, query)) == found


def test_ten_subnets_cost_as_many_queries_as_three(admin_client):
    PoolFactory.create_batch(3)
    few = queries_of(admin_client, LIST)
    for pool in PoolFactory.create_batch(7):
        ServerFactory(ip_address=pool.first)

    assert queries_of(admin_client, LIST) == few


# --- the form -------------------------------------------------------------------------------------


def test_a_subnet_is_made_with_its_pool(admin_client):
    pool = {"pools-0-first": "10.0.0.10", "pools-0-last": "10.0.0.19", "pools-0-kind": "static"}

    save(admin_client, ADD, network="10.0.0.0/24", dns_servers="10.0.0.53; 10.0.0.54", **pool)

    subnet = Subnet.objects.get()
    assert (subnet.static_ip_pools, subnet.addresses.count()) == (["10.0.0.10-10.0.0.19"], 10)
    assert [str(server) for server in subnet.dns_servers] == ["10.0.0.53", "10.0.0.54"]


def test_host_bits_are_refused_at_the_field_with_the_right_network(admin_client):
    answer = save(admin_client, ADD, network="10.0.0.5/24")

    assert errors_of(answer) == {
        "network": ["10.0.0.5/24 has host bits set; the network is 10.0.0.0/24"]
    }


def test_a_refused_pool_of_a_new_subnet_stands_at_its_line_and_nothing_is_made(admin_client):
    pool = {"pools-0-first": "10.0.9.1", "pools-0-last": "10.0.9.9", "pools-0-kind": "static"}

    answer = save(admin_client, ADD, network="10.0.0.0/24", **pool)

    assert inline_errors_of(answer)[0]["first"] == ["10.0.9.1 is not in 10.0.0.0/24."]
    assert not Subnet.objects.exists()


def test_two_pools_that_overlap_in_one_form_are_refused(admin_client, subnet):
    more = {
        "pools-TOTAL_FORMS": "2",
        "pools-1-first": "10.0.0.15",
        "pools-1-last": "10.0.0.30",
        "pools-1-kind": "dhcp",
    }

    answer = save(admin_client, page("change", subnet), **more)

    assert "overlaps the Static pool 10.0.0.10-10.0.0.19" in inline_errors_of(answer)[1]["first"][0]


def test_a_pool_may_grow_into_the_room_that_another_leaves_in_the_same_form(admin_client, subnet):
    subnet.dhcp_pools = ["10.0.0.20-10.0.0.40"]
    subnet.save()

    save(
        admin_client,
        page("change", subnet),
        **{"pools-0-last": "10.0.0.29", "pools-1-first": "10.0.0.30"},
    )

    subnet = Subnet.objects.get()
    assert (subnet.static_ip_pools, subnet.dhcp_pools) == (
        ["10.0.0.10-10.0.0.29"],
        ["10.0.0.30-10.0.0.40"],
    )


def test_a_pool_may_take_the_place_of_one_that_goes_in_the_same_form(admin_client, subnet):
    more = {"pools-TOTAL_FORMS": "2", "pools-0-DELETE": "on", "pools-1-kind": "static"}

    save(
        admin_client,
        page("change", subnet),
        **more,
        **{"pools-1-first": "10.0.0.5", "pools-1-last": "10.0.0.50"},
    )

    assert Subnet.objects.get().static_ip_pools == ["10.0.0.5-10.0.0.50"]


def test_a_gateway_inside_a_static_pool_is_told(admin_client, subnet):
    answer = save(admin_client, page("change", subnet), gateway="10.0.0.12")

    assert any(
        "10.0.0.12 is in the static pool 10.0.0.10-10.0.0.19" in text
        for text in messages_of(answer)
    )


def test_live_addresses_that_a_changed_pool_leaves_outside_are_counted(admin_client, subnet):
    ServerFactory(ip_address="10.0.0.18")
    ServerFactory(ip_address="10.0.0.19")

    answer = save(admin_client, page("change", subnet), **{"pools-0-last": "10.0.0.15"})

    assert any(
        text.startswith("2 live addresses of the changed pools") for text in messages_of(answer)
    )


def test_a_save_that_leaves_the_pools_alone_says_nothing_of_them(admin_client, subnet):
    ServerFactory(ip_address="10.0.0.200")

    answer = save(admin_client, page("change", subnet), name="renamed")

    assert len(messages_of(answer)) == 1


def test_a_resize_that_would_lose_a_server_names_it(admin_client, subnet):
    ServerFactory(ip_address="10.0.0.200", hostname="web-1")

    answer = save(admin_client, page("change", subnet), network="10.0.0.0/25")

    assert "web-1" in errors_of(answer)["network"][0]


def test_the_page_shows_parent_and_children(admin_client, subnet):
    SubnetFactory(network="10.0.0.0/8", name="all")
    SubnetFactory(network="10.0.0.128/25", name="half")

    text = admin_client.get(page("change", subnet)).content.decode()

    assert "10.0.0.0/8 all</a>" in text
    assert "10.0.0.128/25 half</a>" in text


# --- usage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("column", "full_first"), [("static_bar", "-"), ("free", "")])
def test_the_list_is_sorted_by_usage(admin_client, column, full_first):
    SubnetFactory(network="10.0.0.0/20", static_ip_pools=["10.0.0.10-10.0.0.11"])
    SubnetFactory(network="10.1.0.0/24", static_ip_pools=["10.1.0.10-10.1.0.10"])
    SubnetFactory(network="10.2.0.0/30", dhcp_pools=["10.2.0.1-10.2.0.2"])
    ServerFactory(ip_address="10.0.0.10")
    ServerFactory(ip_address="10.1.0.10")
    number = SubnetAdmin.list_display.index(column) + 1

    page = admin_client.get(LIST, {"o": f"{full_first}{number}"})

    assert networks(page) == ["10.1.0.0/24", "10.0.0.0/20", "10.2.0.0/30"]


def test_a_full_static_pool_and_a_half_leased_range_are_two_bars(admin_client):
    subnet = SubnetFactory(
        network="10.0.0.0/20",
        static_ip_pools=["10.0.0.10-10.0.0.10"],
        dhcp_pools=["10.0.0.20-10.0.0.21"],
    )
    ServerFactory(ip_address="10.0.0.10")
    ServerFactory(ip_address="10.0.0.20")

    for url in (LIST, page("change", subnet)):
        text = admin_client.get(url).text
        assert "static addresses: 1 of 1 in use, 0 free" in text
        assert "DHCP: 1 of 2 leased or reserved, 1 free" in text


def test_the_addresses_of_a_parent_are_those_of_the_subnets_inside_it(admin_client):
    parent = SubnetFactory(network="10.0.0.0/24")
    child = SubnetFactory(network="10.0.0.0/25")
    ServerFactory(ip_address="10.0.0.5")
    ServerFactory(ip_address="10.0.0.200")
    ServerFactory(ip_address="10.0.0.6", vrf=VRFFactory())

    shown = {}
    for subnet in (parent, child):
        url = reverse("admin:ipam_subnet_show_addresses", args=[subnet.pk])
        shown[subnet] = [str(row) for row in rows_shown(admin_client.get(url, follow=True))]

    assert shown == {parent: ["10.0.0.5", "10.0.0.200"], child: ["10.0.0.5"]}


# --- next free ------------------------------------------------------------------------------------


def test_the_next_free_address_of_several_subnets_is_told_without_taking_it(admin_client, subnet):
    full = SubnetFactory(network="10.0.1.0/24", dhcp_pools=["10.0.1.1-10.0.1.254"])

    answer = admin_client.post(
        LIST, {"action": "show_next_free", "_selected_action": [subnet.pk, full.pk]}, follow=True
    )

    assert "next free address is 10.0.0.10" in messages_of(answer)[0]
    assert messages_of(answer)[1] == "10.0.1.0/24 has no free address."
    assert not IPAddress.objects.live().exists()


# --- deleting -------------------------------------------------------------------------------------


def test_a_subnet_in_use_is_not_deleted_and_its_holders_are_named(admin_client, subnet):
    ServerFactory(ip_address="10.0.0.10", hostname="web-1")

    for answer in (
        admin_client.get(page("delete", subnet)),
        admin_client.get(page("delete", subnet)),
    ):
        assert "web-1" in answer.content.decode()
    assert Subnet.objects.exists()


def test_a_plain_delete_of_a_subnet_in_use_is_forbidden(admin_client, subnet):
    ServerFactory(ip_address="10.0.0.10")

    answer = admin_client.post(page("delete", subnet), {"post": "yes"})

    assert (answer.status_code, Subnet.objects.count()) == (403, 1)


def test_a_superuser_deletes_by_force_and_servers_keep_their_addresses(admin_client, subnet):
    server = ServerFactory(ip_address="10.0.0.10")

    admin_client.post(page("delete", subnet), {"force": "yes"})

    assert not Subnet.objects.exists()
    assert IPAddress.objects.unplaced().get().server == server


def test_force_is_for_superusers(client, subnet):
    reserve(IPAddress.objects.first(), "kept")
    editor = User.objects.create_user("editor", is_staff=True)
    editor.user_permissions.set(Permission.objects.filter(content_type__app_label="ipam"))
    client.force_login(editor)

    assert "by force" not in client.get(page("delete", subnet)).content.decode()
    assert client.post(page("delete", subnet), {"force": "yes"}).status_code == 403
    assert Subnet.objects.exists()


def test_an_unused_subnet_is_deleted_with_its_pools_and_free_rows(admin_client, subnet):
    admin_client.post(page("delete", subnet), {"post": "yes"})

    assert not (Subnet.objects.exists() or Pool.objects.exists() or IPAddress.objects.exists())


def test_delete_selected_deletes_nothing_while_one_subnet_is_in_use(admin_client, subnet):
    ServerFactory(ip_address="10.0.0.10", hostname="web-1")
    both = [subnet.pk, SubnetFactory(network="10.0.1.0/24").pk]

    answer = admin_client.post(
        LIST, {"action": "delete_selected", "_selected_action": both, "post": "yes"}
    )

    assert "10.0.0.10 (server “web-1”)" in answer.content.decode()
    assert Subnet.objects.count() == 2


def test_delete_selected_deletes_unused_subnets(admin_client, subnet):
    chosen = {"action": "delete_selected", "_selected_action": [subnet.pk], "post": "yes"}

    answer = admin_client.post(LIST, chosen, follow=True)

    assert messages_of(answer) == ["Successfully deleted 1 subnet."]
    assert not Subnet.objects.exists()


# --- history --------------------------------------------------------------------------------------


def test_history_says_who_changed_what(admin_client, subnet):
    save(admin_client, page("change", subnet), gateway="10.0.0.1")

    record = admin_client.get(page("history", subnet)).context["page_obj"][0]

    assert str(record.history_user) == "admin"
    assert record.history_delta_changes == [
        {"field": "Gateway", "old": '<span class="ipm-none">–</span>', "new": "10.0.0.1"}
    ]


def test_going_back_in_history_obeys_todays_rules(admin_client, subnet):
    save(admin_client, page("change", subnet), gateway="10.0.0.5")
    save(admin_client, page("change", subnet), gateway="")
    ServerFactory(ip_address="10.0.0.6")
    reserve(IPAddress(ip_address="10.0.0.5"), "somebody else's by now")
    old = subnet.history.get(gateway="10.0.0.5")
    url = reverse("admin:ipam_subnet_simple_history", args=[subnet.pk, old.pk])

    answer = admin_client.post(url, {"network": "10.0.0.0/24", "gateway": "10.0.0.5"})

    assert "somebody else" in errors_of(answer)["gateway"][0]
    assert Subnet.objects.get().gateway is None


def test_the_history_of_a_subnet_tells_of_its_pools_too(admin_client, subnet):
    save(admin_client, page("change", subnet), **{"pools-0-last": "10.0.0.25"})

    changed, created = admin_client.get(page("history", subnet)).context["parts"]

    assert (changed.name, str(changed.history_user), created.name) == (
        "10.0.0.10-10.0.0.25",
        "admin",
        "10.0.0.10-10.0.0.19",
    )
    assert changed.history_delta_changes == [
        {"field": "Last address", "old": "10.0.0.19", "new": "10.0.0.25"}
    ]


def test_saving_a_subnet_that_nobody_touched_leaves_no_line_of_history(admin_client, subnet):
    subnet.dns_servers = ["10.0.0.53", "10.0.0.54"]
    subnet.save()

    save(admin_client, page("change", subnet))

    assert (subnet.history.count(), subnet.pools.get().history.count()) == (2, 1)


@pytest.mark.parametrize("name", ["reserve_next_free", "show_addresses"])
def test_a_shortcut_of_a_subnet_that_is_not_there_leads_home(admin_client, name):
    url = reverse(f"admin:ipam_subnet_{name}", args=["abc"])

    assert admin_client.get(url).url == reverse("admin:index")


@pytest.mark.parametrize("name", ["vrf", "vlan_id"])
@pytest.mark.parametrize("value", ["abc", "²", "9" * 23])
def test_a_filter_ignores_what_can_be_no_number(admin_client, subnet, name, value):
    assert networks(admin_client.get(LIST, {name: value})) == ["10.0.0.0/24"]


@pytest.mark.django_db(transaction=True)
def test_the_delete_page_opens_for_subnets_with_and_without_free_addresses(admin_client):
    """Outside of a transaction, as in production: PostgreSQL locks rows only within one."""
    free = SubnetFactory(network="10.7.0.0/24")
    PoolFactory(subnet=free, first="10.7.0.10", last="10.7.0.20")
    for subnet in (free, SubnetFactory(network="10.8.0.0/24")):
        page = admin_client.get(f"/admin/ipam/subnet/{subnet.pk}/delete/")
        assert page.status_code == 200
    chosen = {"action": "delete_selected", "_selected_action": [free.pk]}
    assert admin_client.post("/admin/ipam/subnet/", chosen).status_code == 200
