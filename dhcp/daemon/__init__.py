"""The dnsmasq that runs: its process and options, how it is reloaded, and how it confirms that."""
