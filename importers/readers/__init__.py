"""Readers: each turns one system's files into records, and applies no rule of the ledger."""
