"""What dnsmasq's log says of DHCP: who asked, what was offered, acknowledged and refused, and why.

lines.py         a message becomes an Exchange
store.py         exchanges become rows of the timeline, sightings, problems and counters
problems.py      which of them somebody has to act on, and when that is over
reader.py        reads each server's log and stores it with its position
evidence.py      questions: what was said of these machines lately?
"""
