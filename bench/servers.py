"""Kamailio, Muster and PostgreSQL, each started in a folder of its own and stopped by its process id."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import people
from measure import ROOT

DOMAIN = "bench.example"
MUSTER = ROOT / "target/release/muster"
STRAIGHT_WRITE = ROOT / "target/release/examples/straight_write"
POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")


class Server:
    process = None
    end = signal.SIGTERM

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.end)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{self.name} did not end when it was told to") from None
        self.process = None

    def _spawn(self, *command):
        self.folder.mkdir(parents=True, exist_ok=True)
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        cwd=self.folder)

    def _died(self):
        text = (self.folder / "log").read_text(errors="replace")[-2000:]
        return AssertionError(f"{self.name} did not start:\n{text}")


class Kamailio(Server):
    name = "Kamailio"
    sip = "127.0.0.1:15060"

    def __init__(self, folder, count):
        self.folder = folder
        people.write_kamailio(folder / "users", count, DOMAIN)

    def start(self):
        self._spawn("kamailio", "-f", ROOT / "bench/kamailio.cfg", "-P", self.folder / "pid", "-m", "512", "-M", "16",
                    "-DD", "-E", "-A", f"LISTEN=udp:{self.sip}", "-A", f'REALM="{DOMAIN}"',
                    "-A", f'USERS="text://{self.folder}/users"')
        host, port = self.sip.split(":")
        options = (f"OPTIONS sip:{self.sip} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKready;rport\r\n"
                   "Max-Forwards: 70\r\nFrom: <sip:bench@127.0.0.1>;tag=1\r\nTo: <sip:bench@127.0.0.1>\r\n"
                   "Call-ID: ready\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
        with socket.socket(type=socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.2)
            for _ in range(100):
                if self.process.poll() is not None:
                    raise self._died()
                try:
                    probe.sendto(options.encode(), (host, int(port)))
                    probe.recv(4096)
                    return self
                except OSError:
                    time.sleep(0.1)
        raise self._died()


class Muster(Server):
    """As interfaces.md names its commands, options and addresses: what has to change when those do is here."""

    name = "Muster"
    sip, http = "127.0.0.1:15070", "127.0.0.1:18070"
    organization = "bench"
    page = "limit=50"
    # Of an indexed field, and of a name; {} is filled in.
    filter = "limit=50&filter=extension%3D{}"
    search = "limit=50&filter=display_name~{}"

    def __init__(self, folder, database=None):
        self.folder, self.database = folder, database or f"sqlite:{folder}/data/muster.db"

    def start(self):
        """Seconds from the start of the process until it is ready."""
        begin = time.monotonic()
        self._spawn(MUSTER, "serve", "--data", self.folder / "data", "--database", self.database, "--http", self.http,
                    "--sip", self.sip)
        while time.monotonic() < begin + 60:
            if self.process.poll() is not None:
                raise self._died()
            try:
                connection = http.client.HTTPConnection(self.http, timeout=5)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return time.monotonic() - begin
            except OSError:
                pass
            time.sleep(0.002)
        raise self._died()

    @property
    def token(self):
        return (self.folder / "data/owner.token").read_text().strip()

    def command(self, *arguments):
        """A command line, not yet started, and its environment."""
        environment = dict(os.environ, MUSTER_URL=f"http://{self.http}", MUSTER_TOKEN=self.token,
                           MUSTER_ORG=self.organization)
        return [str(MUSTER), *map(str, arguments)], environment

    def run(self, *arguments):
        command, environment = self.command(*arguments)
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def create_organization(self):
        self.run("org", "create", "Bench", "--domain", DOMAIN, "--slug", self.organization)

    def import_arguments(self, path):
        return "import", path, "--format", "ringotel", "--activate", "all"


class Postgres(Server):
    name = "PostgreSQL"
    end = signal.SIGINT  # without waiting for clients
    port = 15432

    def __init__(self, folder):
        self.folder = folder
        # It refuses to run as root.
        self._as = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        self._databases = 0

    def start(self):
        data = self.folder / "data"
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._as:
            shutil.chown(self.folder, "postgres")
        self._run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [str(POSTGRES / "postgres"), "-D", str(data), "-p", str(self.port), "-k", str(self.folder), "-h", "127.0.0.1"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **self._as)
        for _ in range(200):
            if self.process.poll() is not None:
                raise self._died()
            ready = subprocess.run([POSTGRES / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], cwd="/")
            if ready.returncode == 0:
                return self
            time.sleep(0.05)
        raise self._died()

    def new_database(self):
        self._databases += 1
        name = f"bench{self._databases}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name)
        return f"postgres://postgres@127.0.0.1:{self.port}/{name}"

    def drop_database(self, url):
        self._run("dropdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "--force", url.rsplit("/", 1)[1])

    def _run(self, program, *arguments):
        done = subprocess.run([str(POSTGRES / program), *map(str, arguments)], capture_output=True, text=True, cwd="/",
                              **self._as)
        if done.returncode != 0:
            raise AssertionError(f"{program}: {done.stdout}{done.stderr}")


def straight_write(imported, new):
    """Seconds for the rows that an import left behind, written again straight into a new database."""
    done = subprocess.run([str(STRAIGHT_WRITE), imported, new], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"straight_write: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)["seconds"]
