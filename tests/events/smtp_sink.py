"""A mail server that keeps what it is sent, goes away and comes back, and refuses on demand."""

import contextlib
import email
import email.policy
import socket
import threading


class SmtpSink:
    """Speaks SMTP (RFC 5321) on a port of loopback that stays the same."""

    def __init__(self):
        self.mails = []
        self.refuse = ""  # an answer to DATA, as in "451 later"
        self.dies_in_data = 0  # so many times, the connection ends before the answer
        self._socket = None
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]

    def __enter__(self):
        self._socket = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, args=[self._socket], daemon=True).start()
        return self

    def __exit__(self, *error):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self, listening):
        with contextlib.suppress(OSError):
            while True:
                connection, _peer = listening.accept()
                threading.Thread(target=self._talk, args=[connection], daemon=True).start()

    def _talk(self, connection):
        with contextlib.suppress(OSError), connection, connection.makefile("rwb") as file:
            self._say(file, "220 sink")
            for line in file:
                if not self._answer(file, line.decode().strip().upper().split(" ")[0]):
                    return

    def _answer(self, file, word):
        if word == "DATA":
            self._say(file, "354 go on")
            return self._data(file)
        self._say(file, "221 bye" if word == "QUIT" else "250 ok")
        return word != "QUIT"

    def _data(self, file):
        lines = []
        while (line := file.readline()) not in (b".\r\n", b""):
            lines.append(line)
        if self.refuse:
            self._say(file, self.refuse)
            return True
        message = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        self.mails.append(message)
        if self.dies_in_data:
            self.dies_in_data -= 1
            return False
        self._say(file, "250 taken")
        return True

    @staticmethod
    def _say(file, text):
        file.write(text.encode() + b"\r\n")
        file.flush()
