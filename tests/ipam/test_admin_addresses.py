import pytest
from django.urls import reverse
from django.utils import timezone

from ipam.allocate import allocate, quarantine, release, reserve
from ipam.models import IPAddress, Sighting
from tests.ipam.admin_forms import errors_of, filled, messages_of, queries_of, rows_shown, save
from tests.ipam.factories import (
    InterfaceFactory,
    PoolFactory,
    ServerFactory,
    SubnetFactory,
    VRFFactory,
)

pytestmark = pytest.mark.django_db

LIST = reverse("admin:ipam_ipaddress_changelist")
ADD = reverse("admin:ipam_ipaddress_add")
NEXT = reverse("admin:ipam_ipaddress_next_free")


@pytest.fixture
def subnet():
    return SubnetFactory(
        network="10.0.0.0/24", gateway="10.0.0.1", static_ip_pools=["10.0.0.10-10.0.0.19"]
    )


def row(address="10.0.0.10"):
    return IPAddress.objects.get(ip_address=address)


def page(address="10.0.0.10"):
    return reverse("admin:ipam_ipaddress_change", args=[row(address).pk])


def found(client, **query):
    return [str(row.ip_address) for row in rows_shown(client.get(LIST, query))]


def act(client, action, *addresses, **data):
    keys = list(IPAddress.objects.filter(ip_address__in=addresses).values_list("pk", flat=True))
    return client.post(LIST, {"action": action, "_selected_action": keys, **data}, follow=True)


# --- the list -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        "10.0.0.12",
        "10.0.0.12/31",
        "10.0.0.12/255.255.255.254",
        "web-7",
        "EB-7",
        "04b1.75ef.2da2",
        "04-B1-75-EF-2D-A2",
        "2d:a2",
    ],
)
def test_the_search_finds_by_address_prefix_mac_in_any_spelling_and_part_of_a_name(
    admin_client, subnet, typed
):
    ServerFactory(ip_address="10.0.0.12", hostname="web-7", mac_address="04:b1:75:ef:2d:a2")

    assert "10.0.0.12" in found(admin_client, q=typed)
    assert "10.0.0.15" not in found(admin_client, q=typed)


@pytest.mark.parametrize(
    ("query", "addresses"),
    [
        ({"status__exact": "reserved"}, ["10.0.0.11"]),
        ({"ip_type__exact": "dhcp"}, ["10.0.0.99", "172.16.0.1"]),
        ({"place": "unplaced"}, ["172.16.0.1"]),
        ({"active": "yes"}, ["10.0.0.12"]),
        ({"active": "no"}, ["10.0.0.13"]),
    ],
)
def test_the_list_is_filtered(admin_client, subnet, query, addresses):
    reserve(row("10.0.0.11"))
    ServerFactory(ip_address="10.0.0.99")
    ServerFactory(ip_address="172.16.0.1")
    Sighting.objects.create(ip_address="10.0.0.12", source="ping", seen_at=timezone.now())
    IPAddress.objects.filter(ip_address="10.0.0.13").update(active=False)

    assert found(admin_client, **query) == addresses


def test_the_subnet_filter_asks_for_matches_instead_of_listing_all_subnets(admin_client, subnet):
    SubnetFactory.create_batch(30)

    text = admin_client.get(LIST, {"subnet__id__exact": subnet.pk}).content.decode()

    assert text.count("<option") < 25
    assert found(admin_client, subnet__id__exact=subnet.pk)[0] == "10.0.0.10"


def test_the_list_tells_not_probed_from_active(admin_client, subnet):
    Sighting.objects.create(ip_address="10.0.0.10", source="ping", seen_at=timezone.now())

    first, second, *_rest = rows_shown(admin_client.get(LIST))

    assert (first.probed, second.probed) == (True, False)


def test_two_hundred_rows_cost_as_many_queries_as_sixty(admin_client):
    for pool in PoolFactory.create_batch(6):
        ServerFactory(ip_address=pool.first, hostname=f"web-{pool.pk}")
    queries = ["", "?q=web", "?status__exact=allocated", "?o=2", "?p=2"]
    few = [queries_of(admin_client, LIST + query) for query in queries]
    for pool in PoolFactory.create_batch(13):
        ServerFactory(ip_address=pool.first, hostname=f"web-{pool.pk}", vrf=None)

    assert [queries_of(admin_client, LIST + query) for query in queries] == few


# --- the form -------------------------------------------------------------------------------------


def test_an_available_address_is_reserved_with_a_description(admin_client, subnet):
    save(admin_client, page(), status="reserved", description="Reserved for network printer")

    assert (row().status, row().description) == ("reserved", "Reserved for network printer")


def test_the_description_is_refused_at_its_field_while_the_address_is_not_reserved(
    admin_client, subnet
):
    answer = save(admin_client, page(), description="mine")

    assert errors_of(answer) == {
        "description": ["The description can only be edited while the address is reserved."]
    }


def test_a_reservation_gets_a_new_description(admin_client, subnet):
    reserve(row(), "old")

    save(admin_client, page(), description="new")

    assert (row().status, row().description) == ("reserved", "new")


def test_clearing_the_server_of_an_address_keeps_it_reserved(admin_client, subnet):
    server = ServerFactory(ip_address="10.0.0.10")

    save(admin_client, page(), status="reserved", server="", description="kept for it")

    server.refresh_from_db()
    assert (row().status, row().server, row().description, server.ip_address) == (
        "reserved",
        None,
        "kept for it",
        None,
    )


def test_an_address_that_a_server_holds_is_not_reserved_beside_it(admin_client, subnet):
    ServerFactory(ip_address="10.0.0.10", hostname="web-1")

    answer = save(admin_client, page(), status="reserved")

    assert errors_of(answer)["__all__"] == [
        "10.0.0.10 is taken by server “web-1”. (Choose another address, or release this one first.)"
    ]
    assert row().status == "allocated"


def test_releasing_in_the_form_frees_a_static_row(admin_client, subnet):
    reserve(row(), "kept")

    save(admin_client, page(), status="available")

    assert (row().status, row().description) == ("available", "")
    assert row().freed_at


def test_releasing_outside_the_pools_says_that_the_row_is_gone(admin_client, subnet):
    allocate(subnet, wanted="10.0.0.200")

    answer = save(admin_client, page("10.0.0.200"), status="available")

    assert messages_of(answer)[0].startswith("10.0.0.200 is available.")
    assert not IPAddress.objects.filter(ip_address="10.0.0.200").exists()


def test_quarantine_in_the_form_takes_its_reason(admin_client, subnet):
    save(admin_client, page(), status="quarantine", description="answers, but nobody knows it")

    assert (row().status, row().description) == ("quarantine", "answers, but nobody knows it")


def test_an_address_is_allocated_by_hand(admin_client, subnet):
    reserve(row(), "kept")

    save(
        admin_client,
        page(),
        status="allocated",
        hostname="appliance",
        mac_address="00-11-22-33-44-55",
    )

    assert (row().status, row().hostname, row().mac_address) == (
        "allocated",
        "appliance",
        "00:11:22:33:44:55",
    )


def test_a_vm_has_one_address(admin_client, subnet):
    allocate(subnet, vm_id="vm-1")

    answer = save(admin_client, page("10.0.0.15"), status="allocated", vm_id="vm-1")

    assert errors_of(answer) == {"vm_id": ["VM “vm-1” has 10.0.0.10 already."]}


def test_what_belongs_to_nobody_has_no_name(admin_client, subnet):
    answer = save(admin_client, page(), hostname="ghost")

    assert "reserve or allocate it" in errors_of(answer)["status"][0]


def test_what_the_server_says_is_not_edited_on_its_address(admin_client, subnet):
    ServerFactory(ip_address="10.0.0.10", hostname="web-1")

    assert not {"hostname", "mac_address", "vm_id"} & filled(admin_client.get(page())).keys()


def test_an_address_without_a_row_is_reserved_by_adding_it(admin_client, subnet):
    save(admin_client, ADD, ip_address="10.0.0.200", description="printer")

    assert (row("10.0.0.200").status, row("10.0.0.200").subnet) == ("reserved", subnet)


def test_adding_a_free_address_takes_its_row(admin_client, subnet):
    save(admin_client, ADD, ip_address="10.0.0.12", description="printer")

    assert (row("10.0.0.12").status, IPAddress.objects.count()) == ("reserved", 10)


def test_adding_a_taken_address_names_its_holder(admin_client, subnet):
    ServerFactory(ip_address="10.0.0.10", hostname="web-1")

    assert errors_of(save(admin_client, ADD, ip_address="10.0.0.10")) == {
        "ip_address": ["10.0.0.10 is taken by server “web-1”."]
    }


def test_adding_the_gateway_is_refused_at_the_field(admin_client, subnet):
    answer = save(admin_client, ADD, ip_address="10.0.0.1")

    assert errors_of(answer) == {"ip_address": ["10.0.0.1 is the gateway and is never handed out."]}


def test_an_address_is_added_in_its_vrf(admin_client):
    vrf = VRFFactory()
    subnet = SubnetFactory(network="10.0.0.0/24", vrf=vrf)

    save(
        admin_client,
        ADD,
        ip_address="10.0.0.5",
        vrf=str(vrf.pk),
        status="allocated",
        hostname="appliance",
    )

    assert (row("10.0.0.5").subnet, row("10.0.0.5").vrf, row("10.0.0.5").status) == (
        subnet,
        vrf,
        "allocated",
    )


def test_addresses_are_released_not_deleted(admin_client, subnet):
    assert admin_client.get(page() + "../delete/").status_code == 403
    assert "delete_selected" not in admin_client.get(LIST).content.decode()


# --- actions --------------------------------------------------------------------------------------


def test_reserving_many_asks_for_a_note_first(admin_client, subnet):
    answer = act(admin_client, "reserve", "10.0.0.10", "10.0.0.11")

    assert "10.0.0.11" in answer.content.decode()
    assert not IPAddress.objects.live().exists()


def test_the_note_is_mandatory(admin_client, subnet):
    answer = act(admin_client, "reserve", "10.0.0.10", note=" ")

    assert answer.context["form"].errors == {"note": ["This field is required."]}
    assert row().status == "available"


def test_reserving_many_does_what_it_can_and_names_every_refusal(admin_client, subnet):
    ServerFactory(ip_address="10.0.0.11", hostname="web-1")

    answer = act(admin_client, "reserve", "10.0.0.10", "10.0.0.11", note="for the new rack")

    done, refused = messages_of(answer)
    assert done == "1 address is reserved: 10.0.0.10"
    assert refused.startswith("10.0.0.11 is taken by server “web-1”.")
    assert row().description == "for the new rack"


def test_quarantine_for_many_takes_a_reason(admin_client, subnet):
    act(admin_client, "quarantine", "10.0.0.10", "10.0.0.11", note="conflicts seen")

    assert set(IPAddress.objects.live().values_list("status", "description")) == {
        ("quarantine", "conflicts seen")
    }


def test_release_for_many_frees_what_no_server_holds(admin_client, subnet):
    ServerFactory(ip_address="10.0.0.11", hostname="web-1")
    reserve(row(), "kept")
    quarantine(row("10.0.0.12"), "odd")

    answer = act(admin_client, "release", "10.0.0.10", "10.0.0.11", "10.0.0.12")

    assert messages_of(answer)[0] == "2 addresses are free: 10.0.0.10, 10.0.0.12"
    assert "web-1" in messages_of(answer)[1]


def test_more_rows_than_one_action_can_take_are_refused_as_a_whole(
    admin_client, subnet, monkeypatch
):
    monkeypatch.setattr("ipam.admin.addresses.AT_ONCE", 2)
    reserve(row(), "kept")

    answer = act(admin_client, "release", "10.0.0.10", "10.0.0.11", "10.0.0.12")

    assert messages_of(answer) == ["3 addresses are too many at once; select 2 at most."]
    assert row().status == "reserved"


# --- next free ------------------------------------------------------------------------------------


def test_the_next_free_address_is_shown_without_taking_it(admin_client, subnet):
    answer = admin_client.get(NEXT, {"subnet": subnet.pk})

    assert str(answer.context["free"]) == "10.0.0.10"
    assert not IPAddress.objects.live().exists()


def test_the_next_free_address_is_reserved_with_its_description(admin_client, subnet):
    ServerFactory(ip_address="10.0.0.10")

    admin_client.post(NEXT, {"subnet": subnet.pk, "description": "printer"})

    assert (row("10.0.0.11").status, row("10.0.0.11").description) == ("reserved", "printer")


def test_released_addresses_come_after_those_never_used(admin_client, subnet):
    release(reserve(row()))

    assert str(admin_client.get(NEXT, {"subnet": subnet.pk}).context["free"]) == "10.0.0.11"


def test_the_next_free_address_of_a_huge_pool_is_known_before_it_has_a_row(admin_client):
    subnet = SubnetFactory(
        network="10.0.0.0/8", gateway="10.0.0.1", static_ip_pools=["10.0.0.0-10.255.255.255"]
    )

    assert str(admin_client.get(NEXT, {"subnet": subnet.pk}).context["free"]) == "10.0.0.2"
    assert not IPAddress.objects.exists()


def test_a_full_subnet_says_so(admin_client):
    subnet = SubnetFactory(network="10.0.0.0/24", dhcp_pools=["10.0.0.1-10.0.0.254"])

    answer = admin_client.post(NEXT, {"subnet": subnet.pk}, follow=True)

    assert "has no free address" in messages_of(answer)[0]


def test_a_parent_without_free_addresses_leads_to_those_of_its_children(admin_client):
    parent = SubnetFactory(network="10.0.0.0/24")
    SubnetFactory(network="10.0.0.0/25")
    free = SubnetFactory(network="10.0.0.128/25")

    text = admin_client.get(NEXT, {"subnet": parent.pk}).text

    assert f'href="{NEXT}?subnet={free.pk}">10.0.0.128/25</a> (126)' in text


def test_a_new_server_takes_over_the_address_of_the_page_it_comes_from(admin_client, subnet):
    answer = admin_client.get(
        reverse("admin:ipam_ipaddress_new_server_here", args=[row().pk]), follow=True
    )

    assert answer.context["adminform"].form["ip_address"].value() == "10.0.0.10"


# --- history --------------------------------------------------------------------------------------


def test_going_back_in_history_reserves_the_address_again(admin_client, subnet):
    reserve(row(), "for the printer")
    old = row().history.first()
    release(row())
    url = reverse("admin:ipam_ipaddress_simple_history", args=[row().pk, old.pk])

    admin_client.post(url, {"status": "reserved", "description": "for the printer"})

    assert (row().status, row().description) == ("reserved", "for the printer")


def test_going_back_in_history_takes_nothing_from_a_server(admin_client, subnet):
    reserve(row(), "for the printer")
    old = row().history.first()
    ServerFactory(ip_address="10.0.0.10", hostname="web-1")
    url = reverse("admin:ipam_ipaddress_simple_history", args=[row().pk, old.pk])

    answer = admin_client.post(url, {"status": "reserved", "description": "for the printer"})

    assert "web-1" in errors_of(answer)["__all__"][0]
    assert row().server.hostname == "web-1"


def test_the_second_card_of_a_server_shows_its_server(admin_client, subnet):
    nic = InterfaceFactory(ip_address="10.0.0.12", mac_address="02:00:00:00:00:aa")

    assert rows_shown(admin_client.get(LIST, {"q": "10.0.0.12"}))[0].server == nic.server


def test_going_back_in_history_gives_nothing_to_a_server_behind_its_back(admin_client, subnet):
    server = ServerFactory(ip_address="10.0.0.10")
    old = row().history.first()
    server.ip_address = None
    server.save()
    url = reverse("admin:ipam_ipaddress_simple_history", args=[row().pk, old.pk])

    answer = admin_client.post(url, {"status": "allocated", "server": server.pk})

    assert errors_of(answer) == {
        "server": ["Assign an address to a server on the server's own page."]
    }
    assert row().status == "available"


@pytest.mark.parametrize("typed", ["", "10.0.0", "10.0.0.300", "fe80::1%eth0"])
def test_what_is_no_address_is_refused_at_its_field(admin_client, typed):
    assert list(errors_of(save(admin_client, ADD, ip_address=typed))) == ["ip_address"]


@pytest.mark.parametrize("key", ["abc", "²", "9" * 23])
def test_an_address_that_is_not_there_leads_home(admin_client, key):
    for answer in (admin_client.get, admin_client.post):
        assert answer(reverse("admin:ipam_ipaddress_change", args=[key])).url == reverse(
            "admin:index"
        )


@pytest.mark.parametrize("given", ["abc", "12h", "²", "9" * 23])
def test_the_next_free_page_refuses_what_is_no_subnet(admin_client, given):
    assert admin_client.get(NEXT, {"subnet": given}).status_code == 200

    answer = admin_client.post(NEXT, {"subnet": given, "description": "for the printer"})

    assert list(answer.context["form"].errors) == ["subnet"]
    assert not IPAddress.objects.exists()


@pytest.mark.parametrize("wrong", [{"mac_address": "zz"}, {"status": "bogus"}])
def test_a_typo_on_the_address_page_comes_back_with_its_reason(admin_client, subnet, wrong):
    reserve(row(), "for the printer")

    assert list(errors_of(save(admin_client, page(), **wrong))) == list(wrong)


@pytest.mark.parametrize("given", ["abc", "²", "9" * 23])
def test_a_list_of_what_is_no_subnet_says_so(admin_client, given):
    assert admin_client.get(LIST, {"subnet__id__exact": given}).url == f"{LIST}?e=1"
