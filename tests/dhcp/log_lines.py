"""Logs of dnsmasq for the tests of dhcp.log: real lines, and as many as wanted."""

import random
from collections.abc import Iterator

PID = 18804
AT = "Nov 30 14:11:11"


def line(message: str, at: str = AT, program: str = "dnsmasq-dhcp") -> str:
    return f"{at} {program}[{PID}]: {message}"


def mac_of(number: int) -> str:
    return f"02:00:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def many_lines(number: int, machines: int = 1000, seed: int = 1) -> Iterator[str]:
    """Renewals, new leases and refusals of many machines, in seconds that go on."""
    chance = random.Random(seed)
    made = 0
    while made < number:
        who = chance.randrange(machines)
        ip, mac = f"10.77.{who >> 8}.{who & 255}", mac_of(who)
        second = made // 50
        at = f"Nov 29 {second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        for message in _messages(chance.randrange(10), ip, mac):
            if made < number:
                yield line(message, at)
                made += 1


def _messages(choice: int, ip: str, mac: str) -> list[str]:
    renewal = [f"DHCPREQUEST(eth0) {ip} {mac} ", f"DHCPACK(eth0) {ip} {mac} host"]
    if choice < 7:
        return renewal
    if choice < 9:
        return [f"DHCPDISCOVER(eth0) {mac} ", f"DHCPOFFER(eth0) {ip} {mac} ", *renewal]
    return [renewal[0], f"DHCPNAK(eth0) {ip} {mac} address in use"]
