"""Clients that add, move and delete servers all the time, and remember what they were told."""

import contextlib
import http.client
import json
import random
import threading
import time

NETWORK = "10.77.0"


class Client(threading.Thread):
    """One of them, with servers of its own. `held` is what it was told that there is: {hostname:
    address}; `unsure` are those whose last change got no answer."""

    def __init__(self, number, port, token, pause=0.0, hosts=20):
        super().__init__(daemon=True)
        self.number, self.port, self.token, self.pause = number, port, token, pause
        self.free = [f"{NETWORK}.{10 + number * hosts + n}" for n in range(hosts)]
        self.held, self.keys, self.unsure = {}, {}, set()
        self.acknowledged = self.refused = self.serial = 0
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            deed = (
                self.remove if self.held and (not self.free or random.random() < 0.3) else self.add
            )
            if deed():
                self.stopping.wait(self.pause)
            else:
                self.refused += 1
                self.stopping.wait(0.05)

    def add(self):
        self.serial += 1
        name, ip = f"c{self.number}-{self.serial}", self.free.pop()
        mac = f"02:00:00:{self.number:02x}:{self.serial >> 8:02x}:{self.serial & 255:02x}"
        status, body = self.ask(
            "POST", "servers/", {"hostname": name, "mac_address": mac, "ip_address": ip}
        )
        if status != 201:
            self._find_out(name, ip)
            return False
        self.held[name], self.keys[name] = ip, body["id"]
        self.acknowledged += 1
        return True

    def remove(self):
        name = random.choice(list(self.held))
        status, _body = self.ask("DELETE", f"servers/{self.keys[name]}/")
        ip = self.held.pop(name)
        if status != 204:
            self._find_out(name, ip)
            return False
        self.free.append(ip)
        self.acknowledged += 1
        return True

    def _find_out(self, name, ip):
        """Ask until somebody says what became of it. Whoever was killed may have done it a moment
        later, so nobody is blamed for this one."""
        self.unsure.add(name)
        while not self.stopping.is_set():
            status, body = self.ask("GET", f"servers/?hostname={name}&fields=id")
            if status == 200:
                found = [row["id"] for row in body["results"]]
                if found:
                    self.held[name], self.keys[name] = ip, found[0]
                else:
                    self.free.append(ip)
                return
            self.stopping.wait(0.05)

    def ask(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        with contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        ) as caller:
            try:
                caller.request(
                    method, f"/api/v1/{path}", json.dumps(body) if body else None, headers
                )
                response = caller.getresponse()
                text = response.read()
                return response.status, json.loads(text) if text else None
            except (OSError, http.client.HTTPException, ValueError):
                return 0, None


class Load:
    """Some of them."""

    def __init__(self, port, token, clients, pause=0.0):
        self.clients = [Client(number, port, token, pause) for number in range(clients)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.stopping.set()
        for client in self.clients:
            client.join()

    def goes_on(self, number=3, seconds=90):
        """Wait until every client has got so many further answers."""
        wanted = {client: client.acknowledged + number for client in self.clients}
        deadline = time.monotonic() + seconds
        while any(client.acknowledged < least for client, least in wanted.items()):
            assert time.monotonic() < deadline, "nobody is served any more"
            time.sleep(0.02)

    def is_refused(self, seconds=90):
        """Wait until somebody's change is."""
        before, deadline = self._refused, time.monotonic() + seconds
        while self._refused == before:
            assert time.monotonic() < deadline, "everything is still served"
            time.sleep(0.02)

    @property
    def _refused(self):
        return sum(client.refused for client in self.clients)

    @property
    def held(self):
        return {
            name: ip
            for client in self.clients
            for name, ip in client.held.items()
            if name not in client.unsure
        }

    @property
    def unsure(self):
        return {name for client in self.clients for name in client.unsure}
