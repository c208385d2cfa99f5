"""The porter's book: which service listens where, and which others it needs."""
