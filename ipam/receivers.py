"""Signal receivers of the ledger. Each calls one function of another module.

Fixtures (`raw`) are not acted on row by row: when they are committed, the whole ledger is populated
once."""

from typing import Any

from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.dispatch import receiver

from ipam import rules
from ipam.models import VRF, Interface, IPAddress, Pool, Server, Subnet
from ipam.placement import populate
from ipam.placement.place import place, unplace
from ipam.placement.pool_rows import network_left, pools_changed, subnet_changed
from ipam.querysets import lock_ledger, say_site
from ipam.signals import changed


@receiver(post_save, sender=Server)
def server_saved(instance: Server, raw: bool = False, **kwargs: Any) -> None:
    if raw:
        return
    if kwargs.get("update_fields") is None:
        place([instance])
    else:
        place(Server.objects.with_keys(instance.pk))


@receiver(pre_delete)
def ledger_row_about_to_go(sender: type, **kwargs: Any) -> None:
    if sender in (Server, Interface, Subnet, Pool):
        lock_ledger()


@receiver(pre_delete, sender=Server)
def server_leaves(instance: Server, **kwargs: Any) -> None:
    unplace([instance.pk])


@receiver(post_save, sender=Interface)
def interface_saved(instance: Interface, raw: bool = False, **kwargs: Any) -> None:
    if not raw:
        place(Server.objects.with_keys(instance.server_id))


@receiver(post_delete, sender=Interface)
def interface_gone(instance: Interface, **kwargs: Any) -> None:
    place(Server.objects.with_keys(instance.server_id).holding())


@receiver(changed, sender=Server)
def servers_changed(instances: list[Server] | None, **kwargs: Any) -> None:
    place(instances or [])


@receiver(changed, sender=Interface)
def interfaces_changed(instances: list[Interface] | None, **kwargs: Any) -> None:
    place(Server.objects.with_interfaces(instances or []))


@receiver(changed, sender=Subnet)
@receiver(changed, sender=Pool)
def ground_changed(
    sender: type[Subnet | Pool], instances: list[Subnet | Pool] | None, **kwargs: Any
) -> None:
    populate.after_bulk(sender, instances or [])


@receiver(pre_save, sender=Subnet)
def subnet_about_to_change(instance: Subnet, raw: bool = False, **kwargs: Any) -> None:
    if not raw:
        instance.remember()


@receiver(post_save, sender=Subnet)
def subnet_saved(instance: Subnet, raw: bool = False, **kwargs: Any) -> None:
    if raw:
        return
    subnet = instance
    if kwargs.get("update_fields") is not None:
        subnet = Subnet.objects.get(pk=instance.pk)
    subnet_changed(subnet, instance.was)


@receiver(pre_delete, sender=Subnet)
def subnet_leaves(instance: Subnet, **kwargs: Any) -> None:
    rules.refuse_in_use(instance)


@receiver(post_delete, sender=Subnet)
def subnet_gone(instance: Subnet, **kwargs: Any) -> None:
    network_left(instance.network, instance.vrf_id)


@receiver(post_save, sender=Pool)
def pool_saved(instance: Pool, raw: bool = False, **kwargs: Any) -> None:
    if not raw:
        pools_changed(instance.subnet)


@receiver(post_delete, sender=Pool)
def pool_gone(instance: Pool, origin: Any = None, **kwargs: Any) -> None:
    """A pool that goes with its subnet, or with others, is settled with that."""
    if isinstance(origin, Pool):
        pools_changed(instance.subnet)


@receiver(pre_save)
def fixture_row_about_to_be_saved(sender: type, raw: bool = False, **kwargs: Any) -> None:
    if raw and sender in (VRF, Server, Interface, Subnet, Pool, IPAddress):
        say_site()


@receiver(post_save)
def fixture_row_saved(sender: type, raw: bool = False, **kwargs: Any) -> None:
    if raw and sender in (Server, Interface, Subnet, Pool):
        populate.when_committed()
