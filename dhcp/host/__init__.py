"""The host of a dnsmasq: what it is really configured with, and who else answers DHCP there."""
