"""Several nodes that each write the files of one DHCP server: which of them decides, and how each
of them is."""
