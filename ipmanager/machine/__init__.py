"""The page of a machine, read first: a server, or a virtual machine that holds an address.

urls      where the pages are, below /admin/ipam/
views     the views; each asks a module for its context
subject   the machine: its cards with their states, and its addresses
access    what a reader may see of it
life      what happened to it, in the order of time
cards     its addresses, names, leases, boot, services and sightings
page      the sentence on top, the buttons, and all of it together
tabbed    its form as a tab
change    move it, release its address or put it in quarantine: preview, then apply
"""
