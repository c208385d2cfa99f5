"""The living demo (`IPMANAGER_DEMO=live`): a real dnsmasq on our files and simulated clients, in
network namespaces of their own.

plan       what the children of the supervisor are told of it, and why it may be refused
network    the namespaces, their wires, and dnsmasq
clients    machines of the ledger, visitors, and one machine whose address is in use
dhcp       the messages of a DHCP client

Nothing of the host's own network is touched. The namespaces have no names: they end with the
processes in them, and these with their parent."""
