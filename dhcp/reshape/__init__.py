"""How DHCP serves subnets that are divided otherwise (`ipam.reshape`)."""
