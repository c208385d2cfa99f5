"""What the manual's commands find where systemd does not run and no package can be fetched: one
program for each of three names, and nothing else in there is made up.

systemctl   starts, stops and signals the same programs by the lines of the same units
journalctl  shows what they have said
apt         asks the real one whether it knows the package; without lists it believes so
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

RUN, LOG = Path("/run/stand-in"), Path("/var/log/syslog")
UNITS = Path("/etc/systemd/system")
REAL = ("enable", "disable", "is-enabled")  # what needs no running systemd
# Debian's unit would start dnsmasq; this is our own way where no systemd runs.
DNSMASQ = ["/usr/src/ipmanager/deploy/container/ipmanager-dnsmasq", "--", "--interface=lo"]


def unit(name):
    """[Service] of a unit of ours."""
    found = {}
    for line in (UNITS / f"{name}.service").read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def environment(service):
    found = dict(os.environ)
    for file in service.get("EnvironmentFile", []):
        lines = [
            line
            for line in Path(file).read_text().splitlines()
            if line and not line.startswith("#")
        ]
        found |= dict(line.split("=", 1) for line in lines)
    for words in service.get("Environment", []):
        found |= dict(word.split("=", 1) for word in words.split())
    return found


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pid_of(name):
    file = RUN / name
    pid = int(file.read_text()) if file.exists() else 0
    return pid if pid and alive(pid) else 0


def start(name):
    if pid_of(name):
        return
    RUN.mkdir(exist_ok=True)
    with LOG.open("ab") as log, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        how = {"stdout": log, "stderr": log, "stdin": subprocess.DEVNULL, "start_new_session": True}
        if name == "dnsmasq":
            process = subprocess.Popen(DNSMASQ, **how)
        else:
            service, address = unit(name), str(RUN / f"{name}.ready")
            Path(address).unlink(missing_ok=True)
            ready.bind(address)
            os.chmod(RUN, 0o755)
            os.chmod(address, 0o777)
            process = subprocess.Popen(
                service["ExecStart"][0].split(),
                env=environment(service) | {"NOTIFY_SOCKET": address},
                cwd=service["WorkingDirectory"][0],
                user=service["User"][0],
                group=service["Group"][0],
                extra_groups=[],
                **how,
            )
            if service.get("Type") == ["notify"]:
                ready.settimeout(60)
                while b"READY=1" not in ready.recv(4096):
                    pass
        (RUN / name).write_text(str(process.pid))


def stop(name):
    if pid := pid_of(name):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 40
        while alive(pid):
            if time.monotonic() > deadline:
                os.killpg(pid, signal.SIGKILL)
            time.sleep(0.05)


def systemctl(verb, *words):
    if verb.startswith("-"):
        verb, *words = words
    if verb in REAL:
        return subprocess.run(
            ["/usr/bin/systemctl", "--root=/", "--quiet", verb, *words]
        ).returncode
    if verb == "daemon-reload":
        return 0
    if verb == "kill":
        assert tuple(words) == ("-s", "SIGHUP", "dnsmasq"), words
        os.kill(int(Path("/run/ipmanager-dnsmasq.pid").read_text()), signal.SIGHUP)
        return 0
    return max(one(verb, word) for word in words if not word.startswith("-"))


def one(verb, name):
    """What the verb does to one unit."""
    if name.startswith("postgresql@"):
        version, _dash, cluster = name.removeprefix("postgresql@").partition("-")
        return subprocess.run(
            ["pg_ctlcluster", "--skip-systemctl-redirect", version, cluster, verb]
        ).returncode
    if name.endswith((".timer", ".path")):
        return 0 if (UNITS / name).exists() else 4
    if name in ("nginx", "ipmanager-dnsmasq-conf.service"):  # nobody needs them here
        return 0
    service = name.removesuffix(".service")
    if verb in ("stop", "restart"):
        stop(service)
    if verb in ("start", "restart"):
        start(service)
    return 3 if verb == "status" and not pid_of(service) else 0


def journalctl(*words):
    for line in LOG.read_text(errors="replace").splitlines()[-100:]:
        if "--grep" not in words or words[words.index("--grep") + 1] in line:
            print(line)
    return 0


def apt(*words):
    assert words[0] == "reinstall", words
    if subprocess.run(["apt-cache", "show", *words[1:]], capture_output=True).returncode:
        return 0
    return subprocess.run(
        ["apt-get", "--simulate", "install", "--reinstall", *words[1:]]
    ).returncode


if __name__ == "__main__":
    sys.exit(
        {"systemctl": systemctl, "journalctl": journalctl, "apt": apt}[Path(sys.argv[0]).name](
            *sys.argv[1:]
        )
    )
