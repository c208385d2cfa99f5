"""What tests of backups put into a ledger, and everything that a database holds, to be compared."""

import contextlib
import hashlib

from django.contrib.auth import get_user_model
from django.db import connection

from api.models import Token
from api.security.record import Kind, record
from dhcp.models import DhcpScope
from ipam.addresses import parse_address
from ipam.models import IPAddress, Server, Stamp, Subnet
from ipam.placement import address_rows
from ops.backup import tables
from pxe.models import BootFile, BootImage, BootMenu

# What backup and restore themselves write.
CHANGED = {"ledger_stamp", "django_migrations"}
WRITTEN = {"security_events": "WHERE kind NOT IN ('backup', 'restored')"}


def fill(addresses=50):
    """Something in many tables, and so many address rows."""
    Stamp.objects.install()
    admin = get_user_model().objects.create_superuser("admin", "", "a password for tests")
    Token.objects.create(admin, name="first", scopes=["admin"])
    record(Kind.LOGIN, "admin", user=admin)
    subnet = Subnet(
        network="10.0.0.0/24",
        gateway="10.0.0.1",
        name="Büro „Süd“",
        dns_servers=["10.0.0.53", "2001:db8::1"],
    )
    subnet.static_ip_pools = ["10.0.0.2-10.0.0.99"]
    subnet.save()
    DhcpScope.objects.create(subnet=subnet)
    for number in range(2, 5):
        Server.objects.create(
            hostname=f"srv-{number}",
            mac_address=f"02:00:00:00:00:{number:02x}",
            ip_address=f"10.0.0.{number}",
            description="tab\there\\N 'quoted'",
        )
    Server.objects.create(
        hostname="six", mac_address="02:00:00:00:00:66", ip_address="2001:db8::66"
    )
    kernel = BootFile.objects.create(name="debian/vmlinuz")
    BootMenu.objects.create(
        name="all",
        title="All",
        default_image=BootImage.objects.create(name="Debian", kernel=kernel),
    )
    large = Subnet.objects.create(network="10.64.0.0/10")
    first = parse_address("10.64.0.1")
    for start in range(0, addresses, 5000):
        address_rows.create(
            [
                IPAddress(
                    subnet=large,
                    ip_address=first + n,
                    status="allocated",
                    vm_id=f"vm-{n}",
                    hostname=f"vm-{n}",
                )
                for n in range(start, min(start + 5000, addresses))
            ]
        )


def everything():
    """Each table's columns and rows, in the order of their keys, as one digest; and how many
    rows."""
    return {name: digest(name) for name in tables.model_tables() if name not in CHANGED}


def digest(name):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)} LIMIT 0")
        columns = sorted(column[0] for column in cursor.description)
        listed = ", ".join(map(connection.ops.quote_name, columns))
        found = hashlib.sha256(repr(columns).encode())
        number = 0
        with contextlib.closing(connection.cursor()) as rows_of:
            rows_of.execute(
                f"SELECT {listed} FROM {connection.ops.quote_name(name)} "
                f"{WRITTEN.get(name, '')} ORDER BY {listed}"
            )
            while some := rows_of.fetchmany(5000):
                number += len(some)
                found.update(repr(some).encode())
    return number, found.hexdigest()
