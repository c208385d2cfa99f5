"""Maps of addresses: what is where in a network, as numbers and kinds; no drawing.

cells      each address of a small network
blocks     a large IPv4 network as up to 256 blocks, each with its usage
occupied   an IPv6 network as the blocks that are in use
range_plan what reserving, releasing or a new pool would do to a range
"""
