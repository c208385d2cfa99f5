"""Names: which name of the ledger leads to which address, and the records beside them."""
