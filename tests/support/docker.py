"""An engine that speaks as much of Docker's API as we ask of it, in the documented shapes: no real
one is needed.

    web = container("web", ports=[published(80, 8080)])
    with engine([web], socket=tmp_path / "docker.sock") as host:
        ...
"""

import json
import socketserver
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

VERSION = "1.51"


def published(private, public, ip="0.0.0.0", kind="tcp"):
    return {"IP": ip, "PrivatePort": private, "PublicPort": public, "Type": kind}


def exposed(private, kind="tcp"):
    return {"PrivatePort": private, "Type": kind}


def container(name, ports=(), labels=None, ip="172.17.0.2", **more):
    """One element of `GET /containers/json`, all its documented fields filled in."""
    network = {
        "IPAMConfig": None,
        "Links": None,
        "Aliases": None,
        "MacAddress": "02:42:ac:11:00:02",
        "DriverOpts": None,
        "NetworkID": "7ea29fc1",
        "EndpointID": "88eaed7b",
        "Gateway": "172.17.0.1",
        "IPAddress": ip,
        "IPPrefixLen": 16,
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "DNSNames": None,
    }
    return {
        "Id": "8dfafdbc3a40" * 5,
        "Names": [f"/{name}"],
        "Image": "example:1",
        "ImageID": "sha256:d74508fb",
        "Command": "serve",
        "Created": 1767225600,
        "Ports": list(ports),
        "Labels": labels or {},
        "State": "running",
        "Status": "Up 5 minutes",
        "HostConfig": {"NetworkMode": "bridge"},
        "NetworkSettings": {"Networks": {"bridge": network}},
        "Mounts": [],
    } | more


def composed(project, service, **more):
    """The labels that docker-compose gives to its containers."""
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": service}
    depends_on = ",".join(f"{name}:service_started:false" for name in more.pop("depends_on", ()))
    return labels | {"com.docker.compose.depends_on": depends_on} | more


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        if self.path == "/_ping":
            self._answer(200, b"OK", "text/plain; charset=utf-8")
        elif self.path == f"/v{VERSION}/containers/json":
            body = (
                server.containers
                if isinstance(server.containers, bytes)
                else json.dumps(server.containers).encode()
            )
            self._answer(server.status, body, "application/json")
        else:
            self._answer(404, b'{"message":"page not found"}', "application/json")

    def _answer(self, status, body, kind):
        self.send_response(status)
        if self.server.speaks_docker:
            self.send_header("Api-Version", VERSION)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "local"

    def log_message(self, *args):
        pass


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class TCPServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def engine(containers, socket=None, status=200, speaks_docker=True):
    """An engine on this socket, or on a loopback port; what to give as --host. `containers` may be
    raw bytes."""
    server = UnixServer(str(socket), Handler) if socket else TCPServer(("127.0.0.1", 0), Handler)
    server.containers, server.status, server.speaks_docker = containers, status, speaks_docker
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"unix://{socket}" if socket else f"tcp://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
