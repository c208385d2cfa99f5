"""The pages of the networks, read first: the tree, a subnet with its map, and every address.

urls       where they are, below /admin/networks/
access     who may see what
tree       all subnets with the gaps between them
whole      all networks as a map: a strip for each outermost one
head       what stands above every tab of a subnet
map_tab    the map of a subnet, or of a part of it
tabs       its addresses, DHCP, leases and space
selection  reserve, release, quarantine or make a pool: preview, then apply
address    one address, whether it has a row or not
gaps       what lies free between subnets
links      the addresses of these pages
page       what all of the pages have in common
draw       bars and lines as SVG
"""
