"""DHCP servers that nobody has allowed: looked for by a DHCPDISCOVER, and told by dnsmasq's log."""
