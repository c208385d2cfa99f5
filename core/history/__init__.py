"""Who changed what, and how: what every line of history says besides the row itself."""
