"""Times, with their spread. `make bench` prints them; no test ever fails by them, because machines
are noisy."""
