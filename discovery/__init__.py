"""Who is really there: probes of the network, and what follows from what they see."""
