"""What dnsmasq's log says of foreign DHCP servers. The room of dhcp sends the signal."""

from typing import Any

from django.dispatch import receiver

from discovery.rogue.watch import hint
from ipam import signals

if hasattr(signals, "foreign_dhcp_server"):

    @receiver(signals.foreign_dhcp_server)
    def foreign_dhcp_server_noted(**facts: Any) -> None:
        facts.pop("signal", None)
        facts.pop("sender", None)
        hint(**facts)
