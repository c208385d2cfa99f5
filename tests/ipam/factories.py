"""Rows for tests, each valid by itself."""

import factory
from factory.django import DjangoModelFactory

from ipam import models


class VRFFactory(DjangoModelFactory):
    class Meta:
        model = models.VRF

    name = factory.Sequence("vrf-{}".format)


class SubnetFactory(DjangoModelFactory):
    class Meta:
        model = models.Subnet
        skip_postgeneration_save = True

    network = factory.Sequence(lambda n: f"10.{n // 256 % 256}.{n % 256}.0/24")


class PoolFactory(DjangoModelFactory):
    class Meta:
        model = models.Pool

    subnet = factory.SubFactory(SubnetFactory)
    first = factory.LazyAttribute(lambda pool: pool.subnet.network[10])
    last = factory.LazyAttribute(lambda pool: pool.subnet.network[20])


class ServerFactory(DjangoModelFactory):
    class Meta:
        model = models.Server

    hostname = factory.Sequence("server-{}".format)
    # 0e: the cards that tests name themselves begin with 02
    mac_address = factory.Sequence(
        lambda n: f"0e:00:00:{n >> 16 & 255:02x}:{n >> 8 & 255:02x}:{n & 255:02x}"
    )


class InterfaceFactory(DjangoModelFactory):
    class Meta:
        model = models.Interface

    server = factory.SubFactory(ServerFactory)
    name = factory.Sequence("eth{}".format)


class IPAddressFactory(DjangoModelFactory):
    class Meta:
        model = models.IPAddress
