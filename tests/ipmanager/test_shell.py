"""What stands around every page: how the site is, and the VRF and site that are chosen."""

import pytest
from django.test import Client
from django.urls import reverse

from api.models import Pulse
from events.models import OpenState
from ipmanager.shell.health_dot import dot, forget
from tests.ipam.factories import ServerFactory, SubnetFactory, VRFFactory
from tests.support.api import staff

pytestmark = pytest.mark.django_db
HOME = reverse("admin:index")
TREE = reverse("admin:networks")


@pytest.fixture(autouse=True)
def _nothing_known():
    forget()
    yield
    forget()


@pytest.fixture
def worker():
    return Pulse.objects.create(host="a")


def lasts(key, level="warning", source="finding"):
    return OpenState.objects.create(source=source, key=key, state=level)


# --- how the site is ------------------------------------------------------------------------------


def test_where_nothing_lasts_all_is_well(admin_user, worker):
    assert dot(admin_user).level == "ok"


def test_without_a_worker_nobody_knows(admin_user):
    found = dot(admin_user)
    assert (found.level, found.text) == ("unknown", "Not checked: no worker runs")


def test_the_worst_is_named_and_the_others_are_counted(admin_user, worker):
    lasts("backups")
    lasts("ledger", "error", "finding a")
    lasts("1", "", "conflict")
    lasts("2", "", "conflict")
    found = dot(admin_user)
    assert (found.level, found.text) == ("error", "ledger +2")
    OpenState.objects.exclude(source="conflict").delete()
    forget()
    assert dot(admin_user).text == "Conflict of network and ledger (2)"


def test_notes_and_other_states_that_last_are_no_problem(admin_user, worker):
    lasts("clock", "note")
    lasts("10.0.0.0/24", "full", "threshold")
    assert dot(admin_user).level == "ok"


def test_nobody_is_told_what_they_may_not_see(worker):
    lasts("backups", "error")
    lasts("1", "", "conflict")
    assert dot(staff()).level == "ok"
    assert dot(staff("discovery.view_conflict")).level == "warning"
    assert dot(staff("ipmanager.view_pulse")).level == "error"


@pytest.mark.parametrize("url", [TREE, reverse("ipam:addresses"), reverse("admin:password_change")])
def test_every_page_shows_it_with_one_query_and_the_next_with_none(
    admin_client, worker, url, django_assert_max_num_queries
):
    lasts("backups")
    for number in (1, 0):
        with django_assert_max_num_queries(100) as queries:
            page = admin_client.get(url)
        assert 'class="health-dot health-warning"' in page.content.decode()
        asked = [query for query in queries.captured_queries if "event_states" in query["sql"]]
        assert len(asked) == number


# --- the VRF and the site -------------------------------------------------------------------------


@pytest.fixture
def networks():
    lab = VRFFactory(name="lab")
    return (
        SubnetFactory(network="10.0.0.0/16"),
        SubnetFactory(network="10.0.1.0/24", site="Kiel"),
        SubnetFactory(network="10.0.1.0/24", vrf=lab),
    )


def choose(client, **chosen):
    return client.post(reverse("admin:place"), {**chosen, "next": TREE})


def shown(client):
    return [line.subnet["pk"] for line in client.get(TREE).context["lines"] if line.subnet]


def test_a_chosen_site_holds_on_the_tree_and_in_the_lists(admin_client, networks):
    ServerFactory(hostname="here", ip_address="10.0.1.5")
    ServerFactory(hostname="elsewhere", ip_address="10.0.2.5")
    assert choose(admin_client, site="Kiel").url == TREE
    assert shown(admin_client) == [networks[1].pk]
    for name, wanted in (("subnet", "10.0.1.0/24 "), ("server", "here")):
        rows = admin_client.get(reverse(f"admin:ipam_{name}_changelist")).context["cl"].result_list
        assert [str(row).partition(" ")[0] for row in rows] == [wanted.strip()]
    assert "Kiel · All VRFs" in admin_client.get(HOME).content.decode()


def test_a_chosen_vrf_holds_until_another_is_chosen(admin_client, networks):
    lab = networks[2]
    choose(admin_client, vrf=lab.vrf_id)
    assert shown(admin_client) == [lab.pk]
    choose(admin_client, vrf="none")
    assert shown(admin_client) == [networks[0].pk, networks[1].pk]
    choose(admin_client)
    assert len(shown(admin_client)) == 3


def test_what_does_not_exist_or_may_not_be_seen_cannot_be_chosen(admin_client, networks):
    choose(admin_client, vrf="99", site="Nowhere")
    assert len(shown(admin_client)) == 3
    person = Client()
    person.force_login(staff("ipam.view_subnet"))
    choose(person, vrf=networks[2].vrf_id)
    assert len(shown(person)) == 3
    assert ">lab<" not in person.get(reverse("admin:place")).content.decode()


def test_a_chosen_vrf_that_is_deleted_hides_nothing(admin_client):
    vrf = VRFFactory(name="short-lived")
    SubnetFactory(network="10.3.0.0/24")
    choose(admin_client, vrf=vrf.pk)
    assert "10.3.0.0/24" not in admin_client.get(TREE).content.decode()
    vrf.delete()
    page = admin_client.get(TREE).content.decode()
    assert "10.3.0.0/24" in page
    assert "short-lived" not in page


def test_one_is_not_led_to_another_site(admin_client):
    answer = admin_client.post(reverse("admin:place"), {"next": "https://example.com/"})
    assert answer.url == TREE
