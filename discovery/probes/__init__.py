"""How a network is asked who is there: at which pace, by ICMP, by ARP, by names."""
