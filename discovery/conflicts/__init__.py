"""Conflicts: where what was seen on the network contradicts the ledger.

`evidence` says which sightings count, `ledger` what the ledger says of their addresses and MAC
addresses, `judge` compares both, `derive` does so for what has changed and keeps the rows,
`remedies` are what an administrator can do about one."""
