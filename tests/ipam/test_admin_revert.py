"""Going back to an older state writes: only who may change and add may do it."""

import pytest
from django.contrib.auth.models import Group, User

from ipam.models import Server
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory, VRFFactory

pytestmark = pytest.mark.django_db
ROWS = {
    "server": lambda: ServerFactory(hostname="before"),
    "subnet": lambda: SubnetFactory(network="10.0.0.0/24"),
    "vrf": VRFFactory,
    "ipaddress": lambda: IPAddressFactory(ip_address="10.0.0.5", status="reserved"),
}


@pytest.fixture
def operator(client):
    user = User.objects.create_user("op", password="op", is_staff=True)
    user.groups.add(Group.objects.get(name="Operators"))
    client.force_login(user)
    return client


@pytest.mark.parametrize("kind", ROWS)
def test_who_may_only_look_cannot_go_back_to_an_older_state(operator, kind):
    row = ROWS[kind]()
    url = f"/admin/ipam/{kind}/{row.pk}/history/{row.history.get().pk}/"
    assert operator.post(url, {"hostname": "evil"}).status_code == 403
    assert row.history.count() == 1


def test_who_may_only_look_cannot_bring_a_deleted_row_back(operator):
    server = ServerFactory()
    url = f"/admin/ipam/server/{server.pk}/history/{server.history.get().pk}/"
    server.delete()
    assert operator.post(url, {"hostname": "evil"}).status_code == 403
    assert not Server.objects.exists()


def test_who_may_only_look_sees_the_older_state_without_a_button(operator):
    server = ServerFactory(hostname="before")
    page = operator.get(f"/admin/ipam/server/{server.pk}/history/{server.history.get().pk}/")
    assert "before" in page.content.decode()
    assert 'type="submit" name="_save"' not in page.content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "server/abc/history/",
        "subnet/abc/history/",
        "ipaddress/abc/history/",
        "vrf/abc/history/",
        "server/1/history/abc/",
        "vrf/x/history/y/",
        "server/²/history/",
        "server/1/history/²/",
        f"subnet/{10**23}/history/",
        f"server/{10**23}/history/",
        f"server/1/history/{10**23}/",
    ],
)
def test_an_address_that_names_no_row_is_not_found(admin_client, path):
    assert admin_client.get(f"/admin/ipam/{path}").status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"gateway": "10.1.0.300"}, {"gateway": "2001:db8::1"}, {"network": "abc"}]
)
def test_a_typo_on_the_subnet_page_comes_back_with_its_reason(admin_client, wrong):
    subnet = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.1-10.0.0.9"])
    from tests.ipam.admin_forms import errors_of, save

    page = save(admin_client, f"/admin/ipam/subnet/{subnet.pk}/change/", **wrong)
    assert page.status_code == 200
    assert set(wrong) == set(errors_of(page))
    assert next(iter(wrong.values())) in page.content.decode()


@pytest.mark.parametrize("last", ["2001:db8::9", "10.0.0.20"])
def test_a_pool_of_the_other_family_comes_back_with_its_reason(admin_client, last):
    from tests.ipam.admin_forms import inline_errors_of, save

    subnet = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.1-10.0.0.9"])
    wrong = {"pools-0-first": "2001:db8::1", "pools-0-last": last}
    page = save(admin_client, f"/admin/ipam/subnet/{subnet.pk}/change/", **wrong)
    assert page.status_code == 200
    assert any(inline_errors_of(page))
