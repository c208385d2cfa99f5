"""A small real service for tests: it finds its port with the client, answers HTTP, and can ask
another service.

    python demo.py billing PIDFILE [restart action]

`GET /` answers its own name; `GET /ask/shop` what the service shop answers.
"""

import http.server
import os
import sys
import urllib.request
from pathlib import Path

import client


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        if self.path.startswith("/ask/"):
            url = client.endpoint(self.path.removeprefix("/ask/"))
            with urllib.request.urlopen(url, timeout=10) as answer:
                self.wfile.write(answer.read())
        else:
            self.wfile.write(NAME.encode())

    def log_message(self, *args):
        pass


def main():
    facts = {"restart_script": sys.argv[3]} if len(sys.argv) > 3 else {}
    file = Path(sys.argv[2])
    with client.service(NAME, type="api", **facts) as service:
        server = http.server.ThreadingHTTPServer((service.ip, service.port), Handler)
        file.with_suffix(".new").write_text(str(os.getpid()))
        file.with_suffix(".new").replace(file)
        server.serve_forever()


NAME = sys.argv[1]
if __name__ == "__main__":
    main()
