"""DHCP: the ledger's servers become dnsmasq's hosts file, and dnsmasq hears of it.

saved server -> change row -> commit -> snapshot -> records -> sift -> render -> check -> write ->
reload -> confirm"""
