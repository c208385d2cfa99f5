"""A small network with something of everything, for pictures: full and empty subnets, every status, IPv6, a VRF."""

from ipam.allocate import allocate, quarantine, release, reserve_next
from ipam.models import VRF, Interface, IPAddress, Pool, Server, Subnet

PLACES = ("R1/U04", "R1/U08", "R2/U11", "R2/U15", "R3/U02")
KINDS = (("PowerEdge R650", "Dell Inc."), ("ProLiant DL380", "HPE"), ("ThinkSystem SR630", "Lenovo"))


def fill() -> None:
    tenant = VRF.objects.create(name="tenant-blue", rd="65000:42")
    Subnet(network="10.112.0.0/16", name="Headquarters", site="HQ").save()
    office = _subnet("10.112.57.0/24", "Office, 1st floor", "HQ", 57, static=(10, 99), dhcp=(100, 199))
    _subnet("10.112.58.0/24", "Neues Büro UG", "HQ", 58, static=(10, 60))
    rack = _subnet("10.112.60.0/26", "Rack 1 to 3", "HQ", 60, static=(2, 62))
    ipmi = _subnet("10.112.60.64/27", "BMC", "HQ", 61, static=(66, 94))
    _subnet("192.168.20.0/24", "Branch", "Hamburg", 20, static=(20, 120))
    Subnet(network="10.0.0.0/8", name="Everything private").save()
    Subnet(network="2001:db8:112::/64", name="Servers, IPv6", site="HQ", gateway="2001:db8:112::1",
           static_ip_pools=["2001:db8:112::100-2001:db8:112::1fff"]).save()  # fmt: skip
    Subnet(
        vrf=tenant, network="10.112.57.0/24", name="Blue's own", static_ip_pools=["10.112.57.10-10.112.57.20"]
    ).save()
    for number in range(56):
        _server(number, "rack", f"10.112.60.{number + 2}")
    for number in range(23):
        Interface(server=Server.objects.get(hostname=f"rack-{number:02}"), name="bmc",
                  mac_address=f"02:00:b0:00:00:{number:02x}", ip_address=f"10.112.60.{66 + number}").save()  # fmt: skip
    for number in range(21):
        _server(100 + number, "pc", f"10.112.57.{number + 10}")
    _server(200, "printer", "10.112.57.180")
    _server(201, "camera", "172.20.1.9")
    for what in ("Printer of the reception", "Door controller, ordered"):
        reserve_next(office, what)
    allocate(rack, vm_id="vm-2041", hostname="ci-runner")
    quarantine(IPAddress.objects.get(vrf=None, ip_address="10.112.57.70"), "Answers pings, but nobody knows what it is")
    assert ipmi
    release(allocate(office, wanted="10.112.57.90"))


def _subnet(network: str, name: str, site: str, vlan: int, static: tuple, dhcp: tuple = ()) -> Subnet:
    subnet = Subnet(network=network, name=name, site=site, vlan_id=vlan, domain="example.net")
    base = subnet._meta.get_field("network").to_python(network).network_address
    subnet.gateway = base + 1
    subnet.dns_servers = ["10.112.0.53", "10.112.1.53"]
    subnet.save()
    start = int(base) // 256 * 256
    for kind, span in (("static", static), ("dhcp", dhcp)):
        if span:
            Pool(subnet=subnet, first=type(base)(start + span[0]), last=type(base)(start + span[1]), kind=kind).save()
    return subnet


def _server(number: int, kind: str, address: str) -> None:
    model, maker = KINDS[number % len(KINDS)]
    mac = f"02:00:00:00:{number // 256:02x}:{number % 256:02x}"
    Server(
        hostname=f"{kind}-{number % 100:02}", ip_address=address, mac_address=mac,
        device_type=model, manufacturer=maker, location=PLACES[number % len(PLACES)], lan_port=f"A{number % 48 + 1}",
    ).save()  # fmt: skip
