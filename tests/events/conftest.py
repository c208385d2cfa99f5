"""What several tests of events use."""

import subprocess

import pytest


@pytest.fixture
def certificates(tmp_path):
    """A certificate for 127.0.0.1 and one for another name, of one CA."""
    for name, alternative in [("right", "IP:127.0.0.1"), ("wrong", "DNS:other.example.org")]:
        make = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name}"
        words = [*make.split(), "-addext", f"subjectAltName={alternative}"]
        files = ["-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.pem"]
        subprocess.run([*words, *files], check=True, capture_output=True)
    return tmp_path
