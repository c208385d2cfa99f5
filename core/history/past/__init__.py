"""Tracked tables as they were at a moment, by the lines of their history.

`moments` reads what a person means by a time, `tables` lets queries read the past, `walk` finds the
rows of one page without reading the others."""
