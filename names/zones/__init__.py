"""Zones as other name servers have them: their records, their serial, their files."""
