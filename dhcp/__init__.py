"""DHCP: write dnsmasq's files from the ledger, and make dnsmasq read them.

saved server -> change row -> commit -> snapshot -> records -> sift -> render -> check -> write ->
reload -> confirm"""
