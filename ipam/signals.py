"""What the ledger promises to tell: every signal of this app, with its arguments.

Django's own post_save and post_delete speak for single rows. Bulk writes, which Django keeps quiet
about, speak through `changed`. Neither speaks for fixtures (`raw`): when a fixture has been loaded
and committed, the ledger is brought in step as a whole and `changed` is sent once with no
instances."""

from django.dispatch import Signal

# sender: the model class; instances: list of its saved instances, or None for "anything may have
# changed". Sent inside the transaction that wrote them.
changed = Signal()

# sender: Subnet; subnet; new and gone: lists of pools. Sent after `Subnet.static_ip_pools` or
# `dhcp_pools` were saved, inside the transaction; no post_save or post_delete is sent for them.
pools_replaced = Signal()

# sender: whoever has seen it; server_id: the key of the DHCP server on whose wire it was seen (None
# is the default one); interface, mac, ip: where, by which client, and the address that the client
# was to get; at. A DHCP server that is not ours has answered a client.
foreign_dhcp_server = Signal()

# sender: Subnet; subnets: those of the demo network that DHCP should serve. Sent inside the
# transaction that has made them.
demo_made = Signal()
