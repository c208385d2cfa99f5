"""The signals of models that concern dnsmasq. Each receiver calls one function.

Fixtures (`raw`) are ignored: when they are committed, ipam sends `changed` once for everything."""

from typing import Any

from django.db.models import Model
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.dispatch import receiver

from dhcp import outbox
from dhcp.models import DhcpOption, DhcpScope, DhcpServer
from ipam.models import Interface, IPAddress, Pool, Server, Subnet
from ipam.querysets import say_site
from ipam.signals import changed, demo_made, pools_replaced
from names.models import NamesOff, Record, Zone


@receiver(pre_save, sender=Server)
@receiver(pre_save, sender=Interface)
@receiver(pre_save, sender=Subnet)
@receiver(pre_save, sender=Pool)
@receiver(pre_save, sender=DhcpScope)
@receiver(pre_save, sender=DhcpOption)
@receiver(pre_save, sender=DhcpServer)
@receiver(pre_save, sender=Zone)
@receiver(pre_save, sender=Record)
@receiver(pre_save, sender=NamesOff)
def about_to_be_saved(instance: Model, raw: bool = False, **kwargs: Any) -> None:
    if raw:
        say_site()
    else:
        outbox.remember_values(instance)


@receiver(post_save, sender=Server)
@receiver(post_save, sender=Interface)
@receiver(post_save, sender=Subnet)
@receiver(post_save, sender=Pool)
@receiver(post_save, sender=DhcpScope)
@receiver(post_save, sender=DhcpOption)
@receiver(post_save, sender=DhcpServer)
@receiver(post_save, sender=Zone)
@receiver(post_save, sender=Record)
@receiver(post_save, sender=NamesOff)
def saved(instance: Model, raw: bool = False, **kwargs: Any) -> None:
    if not raw:
        outbox.record_save(instance)


@receiver(pre_save, sender=IPAddress)
def address_about_to_be_saved(instance: IPAddress, raw: bool = False, **kwargs: Any) -> None:
    if not raw:
        outbox.remember_values(instance)


@receiver(post_save, sender=IPAddress)
def address_saved(instance: IPAddress, raw: bool = False, **kwargs: Any) -> None:
    if not raw:
        outbox.record_allocation(instance)


@receiver(post_delete, sender=IPAddress)
def address_deleted(instance: IPAddress, **kwargs: Any) -> None:
    if instance.is_dhcp_allocation:
        outbox.record_deletion(instance)


@receiver(post_save, sender="registry.Service")
@receiver(post_delete, sender="registry.Service")
def service_changed(**kwargs: Any) -> None:
    outbox.record_name()


@receiver(pre_delete, sender=DhcpScope)
@receiver(pre_delete, sender=DhcpOption)
@receiver(pre_delete, sender=DhcpServer)
@receiver(pre_delete, sender=Zone)
@receiver(pre_delete, sender=Record)
@receiver(pre_delete, sender=NamesOff)
def about_to_be_deleted(**kwargs: Any) -> None:
    say_site()


@receiver(post_delete, sender=Server)
@receiver(post_delete, sender=Interface)
@receiver(post_delete, sender=Subnet)
@receiver(post_delete, sender=Pool)
@receiver(post_delete, sender=DhcpScope)
@receiver(post_delete, sender=DhcpOption)
@receiver(post_delete, sender=DhcpServer)
@receiver(post_delete, sender=Zone)
@receiver(post_delete, sender=Record)
@receiver(post_delete, sender=NamesOff)
def deleted(instance: Model, **kwargs: Any) -> None:
    outbox.record_deletion(instance)


@receiver(changed, sender=Server)
@receiver(changed, sender=Interface)
@receiver(changed, sender=IPAddress)
@receiver(changed, sender=Subnet)
@receiver(changed, sender=Pool)
@receiver(changed, sender=Record)
def written_in_bulk(
    sender: type[Model], instances: list[Model] | None = None, **kwargs: Any
) -> None:
    outbox.record_bulk(sender, instances)


@receiver(pools_replaced)
def pool_list_saved(new: list[Pool], gone: list[Pool], **kwargs: Any) -> None:
    outbox.record_pools(new, gone)


@receiver(demo_made)
def demo_network_made(subnets: list[Subnet], **kwargs: Any) -> None:
    for subnet in subnets:
        DhcpScope.objects.create(subnet=subnet)
