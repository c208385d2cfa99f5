"""Which zones and records may exist; what is refused names the field, the reason and the holder."""

import pytest
from django.core.exceptions import ValidationError

from names.models import NamesOff, Record, Zone
from tests.ipam.factories import (
    InterfaceFactory,
    IPAddressFactory,
    ServerFactory,
    SubnetFactory,
    VRFFactory,
)
from tests.ipam.test_import_csv import report
from tests.support.api import with_token

pytestmark = pytest.mark.django_db


def record(zone, kind, value, name="www"):
    return Record.objects.create(zone=zone, name=name, type=kind, value=value)


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        ("A", " 10.0.0.5 ", "10.0.0.5"),
        ("AAAA", "2001:DB8:0::1", "2001:db8::1"),
        ("CNAME", "Web.Corp.Example.", "web.corp.example"),
        ("MX", "010  Mail.corp.example", "10 mail.corp.example"),
        ("SRV", "0 5 65535 imap.corp.example.", "0 5 65535 imap.corp.example"),
        ("TXT", '"v=spf1 mx -all"', "v=spf1 mx -all"),
        ("CAA", '0 issue "ca.example"', "0 issue ca.example"),
    ],
)
def test_a_value_is_kept_in_its_one_spelling(zone, kind, typed, kept):
    assert record(zone, kind, typed).value == kept


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("A", "10.0.0.256"),
        ("A", "2001:db8::1"),
        ("AAAA", "10.0.0.5"),
        ("AAAA", "fe80::1%eth0"),
        ("CNAME", "a..b"),
        ("CNAME", "*.corp.example"),
        ("MX", "mail.corp.example"),
        ("MX", "65536 mail.corp.example"),
        ("SRV", "0 5 imap.corp.example"),
        ("TXT", ""),
        ("TXT", 'a"b'),
        ("TXT", "a\\b"),
        ("TXT", "a\nb"),
        ("TXT", "x" * 256),
        ("CAA", "0 spam ca.example"),
        ("CAA", "1 issue ca.example"),
    ],
)
def test_a_value_that_its_type_does_not_know_is_refused_at_its_field(zone, kind, value):
    with pytest.raises(ValidationError) as refused:
        record(zone, kind, value)
    assert list(refused.value.message_dict) == ["value"]


@pytest.mark.parametrize("name", ["a..b", "*", "-a", "a b", "x" * 64, "a/b", "é"])
def test_a_name_that_dns_cannot_serve_is_refused_at_its_field(zone, name):
    with pytest.raises(ValidationError) as refused:
        record(zone, "A", "10.0.0.5", name)
    assert list(refused.value.message_dict) == ["name"]


def test_a_cname_stands_alone(zone):
    record(zone, "A", "10.0.0.5")
    with pytest.raises(ValidationError, match=r"www.corp.example has another record: A 10.0.0.5"):
        record(zone, "CNAME", "web.corp.example")
    record(zone, "CNAME", "web.corp.example", "alias")
    with pytest.raises(ValidationError, match=r"alias.corp.example has another record: CNAME web"):
        record(zone, "TXT", "x", "alias")


def test_a_cname_that_leads_back_is_refused_with_its_way(zone):
    with pytest.raises(ValidationError, match=r"www.corp.example -> www.corp.example"):
        record(zone, "CNAME", "www.corp.example")
    record(zone, "CNAME", "b.corp.example", "a")
    row = record(zone, "CNAME", "c.corp.example", "b")
    with pytest.raises(ValidationError) as refused:
        record(zone, "CNAME", "a.corp.example", "c")
    way = "c.corp.example -> a.corp.example -> b.corp.example -> c.corp.example"
    assert refused.value.message_dict == {"value": [f"The CNAME leads back to itself: {way}."]}
    row.value = "x.other.example"
    row.save()
    assert record(zone, "CNAME", "a.corp.example", "c").pk


def test_no_machine_takes_the_name_of_a_cname(zone, subnet):
    record(zone, "CNAME", "web.corp.example")
    record(zone, "CNAME", "web.corp.example", "db-bmc")
    taken = "The name belongs to a record: www.corp.example CNAME web.corp.example."
    server = ServerFactory(hostname="db", ip_address="10.1.0.4")
    for make, field in (
        (lambda: ServerFactory(hostname="WWW", ip_address="10.1.0.5"), "hostname"),
        (lambda: ServerFactory(hostname="www.corp.example", ip_address="10.9.0.5"), "hostname"),
        (
            lambda: IPAddressFactory(ip_address="10.1.0.5", status="reserved", hostname="www"),
            "hostname",
        ),
    ):
        with pytest.raises(ValidationError) as refused:
            make()
        assert refused.value.message_dict == {field: [taken]}
    with pytest.raises(ValidationError) as refused:
        InterfaceFactory(server=server, name="bmc", ip_address="10.1.0.6")
    assert "db-bmc.corp.example CNAME" in refused.value.message_dict["name"][0]
    vrf = VRFFactory()
    assert ServerFactory(vrf=vrf, hostname="www", ip_address="10.1.0.5").pk
    assert ServerFactory(hostname="www", ip_address="10.9.0.5").pk  # no domain there
    NamesOff.objects.create(subnet=subnet)
    assert ServerFactory(hostname="www.other.example", ip_address="10.1.0.7").pk


def test_no_file_of_servers_takes_the_name_of_a_cname(zone, subnet, tmp_path):
    record(zone, "CNAME", "web.corp.example")
    file = tmp_path / "servers.csv"
    file.write_text("hostname;ip;mac\nwww;10.1.0.5;\ndb;10.1.0.6;\n")
    found = report("servers", file)
    assert [row["state"] for row in found["rows"]] == ["bad", "new"]
    (reason,) = found["rows"][0]["reasons"]
    assert (reason["field"], reason["reason"][:28]) == ("hostname", "The name belongs to a record")


def test_the_name_of_a_machine_is_refused_with_its_holder(zone, subnet):
    ServerFactory(hostname="web", ip_address="10.1.0.5")
    for kind, value in (("A", "10.0.0.9"), ("CNAME", "b.example")):
        with pytest.raises(ValidationError) as refused:
            record(zone, kind, value, "web")
        holder = "web.corp.example belongs to server web (10.1.0.5)."
        assert refused.value.message_dict == {"name": [holder]}
    assert record(zone, "TXT", "rack 7", "web").pk


@pytest.mark.parametrize("name", ["local", "arpa", "10.in-addr.arpa", "a..b", "*.example", ""])
def test_a_domain_that_is_nobodys_to_serve_is_no_zone(name):
    with pytest.raises(ValidationError) as refused:
        Zone.objects.create(name=name)
    assert list(refused.value.message_dict) == ["name"]


def test_the_api_makes_changes_and_deletes_them(db):
    api = with_token("admin")
    zone = api.post("/api/v1/zones/", {"name": "Corp.Example."}).json()
    assert zone["name"] == "corp.example"
    body = {"zone": zone["id"], "name": "www", "type": "A", "value": "10.0.0.5"}
    made = api.post("/api/v1/records/", body).json()
    url = f"/api/v1/records/{made['id']}/"
    assert api.patch(url, {"value": "10.0.0.6"}).json()["value"] == "10.0.0.6"
    refused = api.patch(url, {"value": "x"})
    assert (refused.status_code, "value" in refused.json()["errors"]) == (400, True)
    assert api.get("/api/v1/records/?name=www&type=A").json()["count"] == 1
    assert api.delete(url).status_code == 204
    subnet = SubnetFactory()
    off = api.post("/api/v1/subnets-without-names/", {"subnet": subnet.pk})
    assert off.status_code == 201
    assert [row.history_type for row in Record.history.order_by("history_id")] == ["+", "~", "-"]


def test_the_page_of_a_zone_has_what_others_are_told_and_leads_to_its_records(admin_client, zone):
    record(zone, "NS", "ns1.corp.example", "@")
    page = admin_client.get(f"/admin/names/zone/{zone.pk}/change/").content.decode()
    assert "SOA ns1.corp.example hostmaster.corp.example" in page
    assert "NS ns1.corp.example" in page
    listed = admin_client.get("/admin/names/zone/").content.decode()
    url = f"/admin/names/record/?zone__id__exact={zone.pk}"
    assert f'href="{url}"' in listed
    assert "ns1.corp.example" in admin_client.get(url).content.decode()


def test_the_lists_find_a_record_by_its_whole_name(admin_client, zone):
    record(zone, "A", "10.0.0.5")
    record(zone, "A", "10.0.0.6", "ftp")
    page = admin_client.get("/admin/names/record/?q=www.corp.example").content.decode()
    assert "10.0.0.5" in page and "10.0.0.6" not in page
    for path in ("zone", "namesoff", "record"):
        assert admin_client.get(f"/admin/names/{path}/?q=corp").status_code == 200
        assert admin_client.get(f"/admin/names/{path}/add/").status_code == 200
