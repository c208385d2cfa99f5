"""The admin's lists are those of Unfold, rendered with less work."""

import re

import pytest
from django.template import engines
from django.urls import reverse
from unfold.templatetags import unfold_list

from dhcp.models import DhcpServer
from ipam.allocate import allocate
from tests.ipam.admin_forms import queries_of
from tests.ipam.factories import ServerFactory, SubnetFactory, VRFFactory
from tests.pxe.factories import ImageFactory
from tests.registry.factories import ServiceFactory

pytestmark = pytest.mark.django_db
LISTS = [
    *("ipam_subnet", "ipam_ipaddress", "ipam_server", "ipam_vrf", "auth_group"),
    *("dhcp_dhcpserver", "pxe_bootimage", "registry_service", "auth_user"),
]


def table(client, name):
    """The table of a list, without white space and the attributes that only the links differ in."""
    text = client.get(reverse(f"admin:{name}_changelist")).text
    found = re.search('<table id="result_list.*</table>', text, re.DOTALL)
    assert found, name
    return re.sub(r"\s+", "", found[0])


@pytest.fixture
def filled(admin_client):
    subnet = SubnetFactory(network="10.1.0.0/24", static_ip_pools=["10.1.0.1-10.1.0.3"])
    vrf = VRFFactory(name="blue & green")
    SubnetFactory(network="10.1.0.0/25", vrf=vrf, vlan_id=1024, gateway="10.1.0.1")
    ServerFactory(ip_address=subnet.network[1], location="<rack>")
    ServerFactory(ip_address=None, enabled=False)
    DhcpServer.objects.create(name="berlin", run_by="agent", site="Berlin")
    ImageFactory()
    ServiceFactory()
    allocate(SubnetFactory(network="10.9.0.0/24", name="<b>&amp;"), hostname="<i>")


def as_unfold_does(monkeypatch):
    """Let Unfold's own tag render the lists."""
    engine = engines["django"].engine
    monkeypatch.setitem(engine.template_libraries, "unfold_list", unfold_list.register)
    for loader in engine.template_loaders:
        loader.reset()


def test_a_list_is_what_unfold_makes_of_it(admin_client, filled, monkeypatch):
    ours = {name: table(admin_client, name) for name in LISTS}
    with monkeypatch.context() as patch:
        as_unfold_does(patch)
        theirs = {name: table(admin_client, name) for name in LISTS}
    for loader in engines["django"].engine.template_loaders:
        loader.reset()

    for name in LISTS:
        assert ours[name] == theirs[name], name
    assert "<b>" not in ours["ipam_subnet"] and "&lt;b&gt;&amp;amp;" in ours["ipam_subnet"]


def test_each_row_leads_to_its_own_page_and_has_its_own_menu(admin_client, filled):
    subnet = SubnetFactory(network="10.8.0.0/24")

    text = table(admin_client, "ipam_subnet")

    assert f'href="{reverse("admin:ipam_subnet_change", args=[subnet.pk])}"' in text
    assert f'href="{reverse("admin:ipam_subnet_show_addresses", args=[subnet.pk])}"' in text
    assert f'value="{subnet.pk}"' in text
    assert "9007199254740881" not in text and "<!--cells" not in text


def test_a_list_of_subnets_takes_the_same_ten_queries_however_many_there_are(admin_client):
    def grow(indexes):
        for index in indexes:
            SubnetFactory(
                network=f"10.{index}.0.0/24",
                static_ip_pools=[f"10.{index}.0.10-10.{index}.0.12"],
                dhcp_pools=[f"10.{index}.0.20-10.{index}.0.29"],
            )

    url = reverse("admin:ipam_subnet_changelist")
    grow(range(3))
    few = queries_of(admin_client, url)
    grow(range(3, 40))

    assert queries_of(admin_client, url) == few <= 13
