"""The DHCP screens: what was told, what is pending, and telling it now. Looking changes nothing."""

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from dhcp.models import DhcpChange, Generation
from ipam.models import Server, Subnet

pytestmark = pytest.mark.django_db

SYNC = "/admin/dhcp/generation/sync/"


@pytest.fixture
def ledger(target):
    Subnet.objects.create(network="10.77.0.0/24")
    Server.objects.create(hostname="web", mac_address="02:00:00:00:00:0a", ip_address="10.77.0.9")
    Server.objects.create(hostname="12h", mac_address="02:00:00:00:00:0b", ip_address="10.77.0.10")


@pytest.fixture
def operator(client):
    """May look, may not touch."""
    user = User.objects.create_user("operator", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__startswith="view_", content_type__app_label="dhcp")
    )
    client.force_login(user)
    return client


def text(response):
    assert response.status_code == 200
    return response.content.decode()


def test_looking_shows_the_difference_and_changes_nothing(admin_client, ledger, target):
    page = text(admin_client.get(SYNC))
    line = '<span class="dhcp-came">+02:00:00:00:00:0a,10.77.0.9,web<em class="dhcp-cause">'
    cause = page.partition(line)[2].partition("</em>")[0]
    assert cause == f"{DhcpChange.objects.get(label='web').who}: server web added"
    assert "dnsmasq takes &#x27;12h&#x27; for a lease time" in page
    assert not target.directory.exists() and DhcpChange.objects.exists()


def test_sync_now_applies_and_says_so(admin_client, ledger, target):
    page = text(admin_client.post(SYNC, follow=True))
    assert "2 reservations are written. No dnsmasq is connected." in page
    assert "Nothing: the file agrees with the ledger." in page
    assert "10.77.0.9,web" in target.hosts.read_text() and not DhcpChange.objects.exists()


def test_a_failure_is_shown_with_its_reason(admin_client, ledger, settings):
    settings.DNSMASQ_RELOAD = "pidfile:/nowhere"
    assert "cannot read /nowhere" in text(admin_client.post(SYNC, follow=True))


def test_a_sudden_shrink_is_refused_until_it_is_meant(admin_client, ledger, target):
    target.prepare()
    target.hosts.write_text("".join(f"02:00:00:00:01:{n:02x},10.77.0.{n}\n" for n in range(20, 60)))
    assert "38 of 40 reservations would vanish" in text(admin_client.post(SYNC, follow=True))
    answer = admin_client.post(SYNC, {"force": "1"}, follow=True)
    assert "2 reservations are written" in text(answer)


def test_who_may_only_look_may_not_sync(operator, ledger, target):
    assert "Sync now" not in text(operator.get(SYNC))
    assert operator.post(SYNC).status_code == 403
    assert not target.directory.exists()


def test_who_may_not_look_sees_nothing(client, ledger):
    client.force_login(User.objects.create_user("guest", is_staff=True))
    assert client.get(SYNC).status_code == 403


def test_every_attempt_is_listed_and_shown_with_its_reasons(admin_client, ledger):
    admin_client.post(SYNC)
    newest = Generation.objects.newest()
    assert "applied" in text(admin_client.get(reverse("admin:dhcp_generation_changelist")))
    page = text(admin_client.get(reverse("admin:dhcp_generation_change", args=[newest.pk])))
    assert "+02:00:00:00:00:0a,10.77.0.9,web" in page
    assert "<td>web</td><td>added</td>" in page
    assert "<td>12h</td><td>10.77.0.10</td><td>no name</td>" in page


def test_pending_changes_are_listed(admin_client, ledger):
    assert "web" in text(admin_client.get(reverse("admin:dhcp_dhcpchange_changelist")))


def test_the_list_does_not_load_the_long_texts(admin_client, ledger, django_assert_max_num_queries):
    Generation.objects.bulk_create(Generation(result="applied", diff="x" * 1000) for _ in range(40))
    with django_assert_max_num_queries(12) as queries:
        admin_client.get(reverse("admin:dhcp_generation_changelist"))
    assert not any('"diff"' in query["sql"] for query in queries)


@pytest.mark.parametrize("model", ["generation", "dhcpchange"])
def test_nothing_can_be_added_changed_or_deleted_by_hand(admin_client, ledger, model):
    admin_client.post(SYNC)
    assert admin_client.get(reverse(f"admin:dhcp_{model}_add")).status_code == 403
    for row in Generation.objects.all():
        assert (
            admin_client.post(reverse("admin:dhcp_generation_delete", args=[row.pk])).status_code
            == 403
        )


@pytest.mark.parametrize("model", ["generation", "dhcpchange"])
def test_the_button_leads_to_the_page(admin_client, ledger, model):
    response = admin_client.get(reverse(f"admin:dhcp_{model}_sync_now"))
    assert response.url == SYNC


def test_names_cannot_smuggle_markup_into_the_pages(admin_client, ledger):
    bad = {
        "kind": "server",
        "id": 1,
        "name": "<script>1</script>",
        "ip": "",
        "field": "name",
        "reason": "<b>",
        "left_out": True,
    }
    change = {
        "kind": "<i>",
        "id": 1,
        "name": "<script>2</script>",
        "action": "<u>",
        "detail": "",
        "who": "<s>",
        "at": "",
    }
    row = Generation.objects.create(
        result="failed",
        problems=[bad],
        changes=[change],
        diff="+<script>3</script>",
        reason="<script>4",
    )
    page = text(admin_client.get(reverse("admin:dhcp_generation_change", args=[row.pk])))
    assert not any(f"<script>{number}" in page for number in range(5))
