"""How records are compared with the ledger and written by its rules.

job          what the steps share: address spaces, savepoints, texts that fit
structure    VRFs, subnets, pools, scopes and options: tens or hundreds, saved one by one
addresses    addresses without a machine, many at a time
machines     servers and their interfaces, many at a time
names        DNS zones and records
leases       leases as sightings
"""
