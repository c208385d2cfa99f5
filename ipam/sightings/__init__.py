"""Evidence that somebody uses an address: how it is recorded, and what follows for the ledger."""
