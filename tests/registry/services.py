"""Service records for the tests of what is made of them."""

from ipaddress import ip_address

from registry.export import FORMATS, Options
from registry.records import ServiceRecord

OPTIONS = Options("production.internal", "http://ipm.test/admin/registry/service/")


def service(service_id="billing-1", ip="10.0.0.5", port=8000, **more):
    """An active service; its name is its id without the number at its end."""
    facts = {
        "name": service_id.rstrip("-0123456789") or service_id,
        "type": "api",
        "protocol": "tcp",
        "status": "active",
        "environment": "production",
        "dependencies": (),
        "last_heartbeat": None,
        "container_port": None,
    }
    if isinstance(ip, str):
        ip = ip_address(ip)
    return ServiceRecord(service_id=service_id, ip=ip, port=port, **(facts | more))


def several():
    """What a small firm runs: two alike behind one name, an inactive one, a database on IPv6, a
    name service on UDP."""
    return [
        service("billing-1", "10.0.0.5", 8000, dependencies=("db", "mail"), container_port=80),
        service("billing-2", "10.0.0.6", 8001, container_port=80),
        service("mail", "10.0.0.5", 8002, status="inactive"),
        service("db", "fd00::7", 5000, type="database"),
        service("names", "10.0.0.8", 53, protocol="udp", type="generic"),
    ]


def export(name, records, options=OPTIONS):
    """The export's text, without the comments at its top."""
    lines = FORMATS[name].render(records, options).data.decode("ascii").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("#"))


def reasons(name, records):
    return [
        (out.service_id, out.field, out.reason)
        for out in FORMATS[name].render(records, OPTIONS).left_out
    ]
