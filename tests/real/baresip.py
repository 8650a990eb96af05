"""A baresip (Debian's baresip-core) as a phone that a test can dial, answer and listen with.

It is steered by its ctrl_tcp module: netstrings of JSON, commands in, events out. Its microphone is a file with a
tone; what it hears is dumped to a file by its sndfile module.
"""
import json
import pathlib
import queue
import socket
import subprocess
import threading
import time

import tone

MODULES = "/usr/lib/baresip/modules"

CONFIG = """\
sip_listen 127.0.0.1:{sip_port}
call_local_timeout 300
call_max_calls 4
audio_path /nonexistent
audio_source aufile,{tone}
audio_srate 8000
rtp_ports {rtp_port}-{rtp_port_last}
net_interface 127.0.0.1
module_path {modules}
module g711.so
module aufile.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control_port}
snd_path {folder}
"""


class Phone:
    """Registers on `start`; `events` keeps everything that it said, with the time."""

    def __init__(self, name, account, server, domain, folder, tone_hz, transport="udp"):
        self.name, self.account, self.server, self.domain = name, account, server, domain
        self.folder, self.tone_hz, self.transport = pathlib.Path(folder), tone_hz, transport
        self.events = []
        self._queue = queue.Queue()
        self._process = self._control = None

    def start(self, timeout=10):
        self.folder.mkdir(parents=True, exist_ok=True)
        source = self.folder / "tone.wav"
        tone.write(source, self.tone_hz, 40)
        base = _free_ports()
        control_port = base + 10
        (self.folder / "config").write_text(CONFIG.format(
            sip_port=base, control_port=control_port, rtp_port=base + 20, rtp_port_last=base + 60, tone=source,
            modules=MODULES, folder=self.folder))
        a = self.account
        (self.folder / "accounts").write_text(
            f'<sip:{a["extension"]}@{self.domain};transport={self.transport}>;auth_user={a["auth_name"]}'
            f';auth_pass={a["secret"]};outbound="sip:{self.server};transport={self.transport}"'
            f';regint=600;answermode=manual;audio_codecs=PCMU/8000/1\n')
        (self.folder / "contacts").write_text("")
        log = open(self.folder / "log", "wb")
        self._process = subprocess.Popen(["baresip", "-f", str(self.folder)], stdin=subprocess.DEVNULL, stdout=log,
                                         stderr=log, cwd=self.folder)
        deadline = time.monotonic() + timeout
        while self._control is None:
            try:
                self._control = socket.create_connection(("127.0.0.1", control_port), timeout=1)
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise AssertionError(f"{self.name}: baresip did not start: {self.log_tail()}") from None
                time.sleep(0.05)
        self._control.settimeout(None)
        threading.Thread(target=self._read, daemon=True).start()
        # It registers before anybody can listen, so ask for its state until it says OK.
        while True:
            self._command("reginfo")
            answer = self._next(lambda event: event.get("response"), timeout)
            if "OK" in answer.get("data", ""):
                return self
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name} does not register: {self.log_tail()}")
            time.sleep(0.1)

    def dial(self, number):
        self._command("dial", f"sip:{number}@{self.domain}")

    def accept(self):
        self._command("accept")

    def hang_up(self):
        """Ends the call; rejects it where it is incoming, cancels it where it is outgoing."""
        self._command("hangup")

    def wait(self, kind, timeout=5):
        """The next event of that type (CALL_INCOMING, CALL_RINGING, CALL_ESTABLISHED, CALL_CLOSED, …)."""
        return self._next(lambda event: event.get("type") == kind, timeout, kind)

    def has(self, kind):
        return any(event.get("type") == kind for event in self.events)

    def heard(self):
        """What came in over RTP during the last call."""
        dumps = sorted(self.folder.glob("dump-*-dec.wav"))
        assert dumps, f"{self.name} heard nothing"
        return tone.measure(dumps[-1])

    def log_tail(self):
        return (self.folder / "log").read_text(errors="replace")[-1500:]

    def stop(self):
        if self._process is None:
            return
        # Asked by its own command it also unregisters.
        if self._control is not None and self._process.poll() is None:
            self._command("quit")
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._control is not None:
            self._control.close()

    def _command(self, command, params=None):
        message = {"command": command, "token": command}
        if params:
            message["params"] = params
        data = json.dumps(message).encode()
        try:
            self._control.sendall(b"%d:%s," % (len(data), data))
        except OSError as error:
            raise AssertionError(f"{self.name}: baresip is gone ({error}): {self.log_tail()}") from None

    def _read(self):
        buffer = b""
        while True:
            try:
                data = self._control.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffer += data
            while b":" in buffer:
                length, _, rest = buffer.partition(b":")
                if len(rest) <= int(length):
                    break
                event = json.loads(rest[:int(length)])
                event["at"] = time.monotonic()
                buffer = rest[int(length) + 1:]
                self.events.append(event)
                self._queue.put(event)

    def _next(self, wanted, timeout, what="an answer"):
        deadline = time.monotonic() + timeout
        while True:
            try:
                event = self._queue.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                said = [event.get("type") for event in self.events if event.get("type")]
                raise AssertionError(f"{self.name}: no {what} within {timeout} s; it said {said}") from None
            if wanted(event):
                return event


_next_base = 21000


def _free_ports():
    """A hundred ports from here on are ours (SIP, SIP over TLS on the next one, control, RTP)."""
    global _next_base
    while True:
        base, _next_base = _next_base, _next_base + 100
        try:
            for port in (base, base + 1, base + 10):
                with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
                    tcp.bind(("127.0.0.1", port))
                    udp.bind(("127.0.0.1", port))
            return base
        except OSError:
            assert _next_base < 60000, "no free ports"
