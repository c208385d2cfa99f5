"""Backups: one archive with the database, the boot files and the secrets; made whole or not at all,
and checked before a byte of it is used."""
