#!/usr/bin/env python3
"""Runs the benchmarks beside their peers: register, call, import, start, lists, removal, moving and million, each or all.

    bench/run.py [--only SECTION,…] [--pairs N] [--people N] [--quick] [--peer-only]

Figures of each section go to target/bench/results.json and stay there until it runs again; docs/benchmarks.md is
written from all of them.
"""
import argparse
import contextlib
import http.client
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests/real"))

import measure
import people
import report
from moving import million, moving
from report import Row
from servers import DOMAIN, Kamailio, Muster, Postgres, straight_write
from sipclient import Client

SIP_PEOPLE = 10000


class Bench:
    def __init__(self, arguments, folder, stack):
        self.pairs, self.people = arguments.pairs, arguments.people
        self.quick, self.peer_only = arguments.quick, arguments.peer_only
        self.folder, self.stack = folder, stack
        self.about = {"commit": measure.commit(), **measure.machine()}
        self._phones = None

    def say(self, *words):
        print(time.strftime("%H:%M:%S"), *words, flush=True)

    def keep(self, server):
        self.stack.callback(server.stop)
        return server

    def phone_servers(self):
        """Kamailio and Muster with the same people, both running: who is idle costs the other nothing."""
        if self._phones is None:
            self._sipp_file = self.folder / "people.sipp.csv"
            people.write_sipp(self._sipp_file, SIP_PEOPLE)
            servers = [self.keep(Kamailio(self.folder / "kamailio", SIP_PEOPLE))]
            if not self.peer_only:
                servers.append(self.keep(Muster(self.folder / "muster")))
            for server in servers:
                server.start()
            if not self.peer_only:
                csv = self.folder / "sip-people.csv"
                people.write_import(csv, SIP_PEOPLE)
                servers[1].create_organization()
                servers[1].run(*servers[1].import_arguments(csv))
            self._phones = servers
            for server in servers:
                self.register(server, 2000, SIP_PEOPLE)
        return self._phones

    def stop_phone_servers(self):
        """The sections after them start servers of their own on the same ports."""
        for server in self._phones or []:
            server.stop()
        self._phones = None

    def register(self, server, rate, count):
        result = measure.burst(server.pid, server.sip, "register.xml", self._sipp_file, DOMAIN, self.folder, rate, count)
        self.say(f"{server.name:9} register", result)
        return result

    def call(self, server, rate, count):
        result = measure.burst(server.pid, server.sip, "invite_uac.xml", self._sipp_file, DOMAIN, self.folder, rate, count,
                               "-d", 200)
        self.say(f"{server.name:9} call", result)
        return result

    def paired(self, load):
        """Results by server, one a pair; who goes first takes turns."""
        servers = self.phone_servers()
        results = {server.name: [] for server in servers}
        for pair in range(self.pairs):
            for server in servers if pair % 2 else servers[::-1]:
                results[server.name].append(load(server))
        return results.get("Muster", []), results["Kamailio"]


def sip_rows(what, ours, peer):
    def column(results, key):
        return [result[key] for result in results]
    rows = [Row(f"CPU of one {what}", "µs", column(ours, "server_us"), column(peer, "server_us"), "at most the peer's", 1.0)]
    for key, name in (("generator_us", "the generator's CPU"), ("failed", "failed"), ("retransmitted", "retransmissions")):
        rows.append(Row(name, "µs" if key == "generator_us" else "a burst", column(ours, key), column(peer, key)))
    return rows


def register(bench):
    rate, seconds = 4000, 2 if bench.quick else 5
    ours, peer = bench.paired(lambda server: bench.register(server, rate, rate * seconds))
    notes = [f"{SIP_PEOPLE} people, UDP on loopback, MD5, bursts of {rate * seconds} at {rate} a second, each a REGISTER, "
             "its challenge, the REGISTER again and its 200; the bindings exist already. Kamailio keeps them in memory "
             "only (usrloc db_mode 0), we also append them to a journal."]
    report.save("register", f"Challenged REGISTER at {rate}/s", "Kamailio", sip_rows("registration", ours, peer), notes,
                bench.about)


def call(bench):
    rate, seconds = 500, 2 if bench.quick else 5
    bench.phone_servers()
    command, _ = measure.sipp("127.0.0.1:9", "invite_uas.xml", DOMAIN, bench.folder, "-p", measure.CALLEE_PORT, "-mp",
                              "20000")
    callee = measure.start(command, bench.folder)
    try:
        time.sleep(0.5)
        ours, peer = bench.paired(lambda server: bench.call(server, rate, rate * seconds))
    finally:
        callee.terminate()
        callee.wait()
    notes = [f"INVITE, 407, INVITE with digest, 180, 200, ACK, 0.2 s, BYE; bursts of {rate * seconds} calls at {rate} a "
             "second. Kamailio is a stateful proxy with dialog and acc (a call record each), we are a B2BUA with call "
             "records."]
    report.save("call", f"A call with digest at {rate}/s", "Kamailio with dialog and acc", sip_rows("call", ours, peer),
                notes, bench.about)


def import_people(bench):
    csv = bench.folder / "people.csv"
    people.write_import(csv, bench.people)
    postgres = bench.keep(Postgres(bench.folder / "postgres")).start()
    databases = {"SQLite": (lambda folder: f"sqlite:{folder}/muster.db", with_everybody(bench).database),
                 "PostgreSQL": (lambda folder: postgres.new_database(),
                                with_everybody(bench, "everybody-postgres", postgres.new_database()).database)}
    rows = []
    for kind, (new_database, everybody) in databases.items():
        ours, straight, peaks, commands, idle = [], [], [], [], []
        for pair in range(bench.pairs):
            def imported():
                result = import_once(bench, csv, new_database)
                ours.append(result["last_registers_s"])
                commands.append(result["command_s"])
                peaks.append(result["peak_mb"])
                idle.append(result["idle_mb"])
            def written():
                with fresh(bench, new_database) as (_, url):
                    straight.append(straight_write(everybody, url if kind == "SQLite" else everybody))
            for run in (imported, written) if pair % 2 else (written, imported):
                run()
            bench.say(kind, f"import {ours[-1]:.2f} s, straight {straight[-1]:.2f} s, peak {peaks[-1]} MB")
        sqlite = kind == "SQLite"
        rows += [
            Row(f"{kind}: until the last of them registers", "s", ours, goal="≤ 10" if sqlite else None,
                at_most=10.0 if sqlite else None),
            Row(f"{kind}: beside writing the rows straight", "s", ours, straight, "≤ 2 times" if sqlite else None,
                2.0 if sqlite else None),
            Row(f"{kind}: until the command ends", "s", commands),
            Row(f"{kind}: peak resident memory", "MB", peaks, goal="≤ 256" if sqlite else None,
                at_most=256.0 if sqlite else None),
            Row(f"{kind}: resident memory before", "MB", idle),
        ]
    notes = [f"{bench.people} people in one CSV file as Ringotel exports it, all activated, from the start of the command "
             "line. A phone with the last one's account tries to register all the while. The right column writes the "
             "rows of such an import (change bodies, claims and secrets among them) again with the database's own client "
             "into the same tables and indexes, in one transaction: prepared inserts in SQLite, binary COPY in "
             "PostgreSQL, without reading, parsing, hashing, encrypting or checking a foreign key."]
    report.save("import", f"CSV of {bench.people} people", "straight into the database", rows, notes, bench.about)


@contextlib.contextmanager
def fresh(bench, new_database):
    with tempfile.TemporaryDirectory(dir=bench.folder) as name:
        folder = pathlib.Path(name)
        yield folder, new_database(folder)


def import_once(bench, csv, new_database):
    with fresh(bench, new_database) as (folder, url):
        muster = Muster(folder, url)
        try:
            muster.start()
            muster.create_organization()
            idle_mb = measure.memory_mb(muster.pid, "VmRSS")
            command, environment = muster.command(*muster.import_arguments(csv))
            begin = time.monotonic()
            process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            last = LastPhone(people.account(bench.people - 1), muster.sip, begin + 300)
            errors = process.communicate()[1]
            command_s = time.monotonic() - begin
            if process.returncode != 0:
                raise AssertionError(f"import ended with {process.returncode}: {errors.decode()[-2000:]}")
            return {"last_registers_s": last.registered_at() - begin, "command_s": command_s, "idle_mb": idle_mb,
                    "peak_mb": measure.memory_mb(muster.pid)}
        finally:
            muster.stop()


class LastPhone:
    """Tries to register, twenty times a second, until it may."""

    def __init__(self, account, server, deadline):
        self._client, self._deadline, self._at = Client(account, server, DOMAIN), deadline, None
        self._thread = threading.Thread(target=self._try, daemon=True)
        self._thread.start()

    def _try(self):
        while time.monotonic() < self._deadline:
            with contextlib.suppress(AssertionError):
                if self._client.register(expect=None).status == 200:
                    self._at = time.monotonic()
                    return
            time.sleep(0.05)

    def registered_at(self):
        self._thread.join()
        self._client.close()
        assert self._at is not None, "the last of the people never registered"
        return self._at


def with_everybody(bench, name="everybody", database=None):
    """A stopped Muster whose database has everybody."""
    bench.stop_phone_servers()
    folder = bench.folder / name
    muster = bench.keep(Muster(folder, database))
    if not folder.exists():
        csv = bench.folder / "everybody.csv"
        people.write_import(csv, bench.people)
        muster.start()
        muster.create_organization()
        muster.run(*muster.import_arguments(csv))
        muster.stop()
    return muster


def start(bench):
    muster = with_everybody(bench)
    seconds, memory = [], []
    for _ in range(bench.pairs):
        measure.wait_quiet()
        seconds.append(muster.start())
        memory.append(measure.memory_mb(muster.pid, "VmRSS"))
        muster.stop()
    binary_mb = pathlib.Path(measure.ROOT / "target/release/muster").stat().st_size / 2**20
    rows = [Row("from the start until ready", "s", seconds, goal="≤ 1", at_most=1.0),
            Row("resident memory then", "MB", memory), Row("size of the binary", "MB", [binary_mb])]
    report.save("start", f"Start with {bench.people} people", None, rows, ["SQLite; ready is 200 from /readyz."], bench.about)


def lists(bench):
    muster = with_everybody(bench)
    muster.start()
    requests = 100 if bench.quick else 1000
    some = [people.extension(i * 7919 % bench.people) for i in range(requests)]
    names = [f"{people.FIRST[i % len(people.FIRST)]} {people.LAST[i % len(people.LAST)]}" for i in range(requests)]
    queries = {
        "a page of 50": [muster.page] * requests,
        "an extension, by filter": [muster.filter.format(extension) for extension in some],
        "a name, by search": [muster.search.format(urllib.parse.quote(name)) for name in names],
    }
    rows = []
    connection = http.client.HTTPConnection(muster.http, timeout=30)
    for name, each in queries.items():
        times_ms = sorted(timed_ms(connection, muster, f"/users?{query}") for query in each)
        p50, p99 = times_ms[len(times_ms) // 2], times_ms[int(len(times_ms) * 0.99)]
        rows += [Row(f"{name}, p50", "ms", [p50]), Row(f"{name}, p99", "ms", [p99], goal="≤ 20", at_most=20.0)]
    muster.stop()
    notes = [f"{requests} requests of each kind over one connection, SQLite, one organization."]
    report.save("lists", f"Lists of {bench.people} people over HTTP", None, rows, notes, bench.about)


def removal(bench):
    """The review of a removal, of people on whom little depends and of one on whom much does."""
    muster = with_everybody(bench)
    muster.start()
    connection = http.client.HTTPConnection(muster.http, timeout=30)
    requests = 100 if bench.quick else 1000
    def user(i):
        return call_json(connection, muster, "GET", f"/users?who={people.extension(i)}")["items"][0]["id"]
    some = [user(i * 7919 % bench.people) for i in range(requests)]
    busy, groups = user(0), 100 if bench.quick else 500
    for i in range(groups):
        call_json(connection, muster, "POST", "/groups", {"name": f"Group {i}", "members": [busy, some[i % len(some)]]})
    rows = []
    for name, asked in (("people in few groups", some), (f"one person in {groups} groups", [busy] * (requests // 5))):
        times_ms = sorted(timed_ms(connection, muster, f"/users/{one}/removal") for one in asked)
        p50, p99 = times_ms[len(times_ms) // 2], times_ms[int(len(times_ms) * 0.99)]
        rows += [Row(f"{name}, p50", "ms", [p50]), Row(f"{name}, p99", "ms", [p99], goal="≤ 50", at_most=50.0)]
    muster.stop()
    notes = [f"GET …/removal over one connection, SQLite, one organization of {bench.people} people and {groups} groups; "
             f"{requests} people one after the other, and one of them {requests // 5} times."]
    report.save("removal", f"Removal review among {bench.people} people", None, rows, notes, bench.about)


def call_json(connection, muster, method, path, body=None):
    headers = {"Authorization": f"Bearer {muster.token}", "Content-Type": "application/json"}
    connection.request(method, f"/api/v1/organizations/{muster.organization}{path}",
                       body=None if body is None else json.dumps(body), headers=headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status not in (200, 201):
        raise AssertionError(f"{method} {path}: {answer.status} {text[:500]}")
    return json.loads(text)


def timed_ms(connection, muster, below):
    path = f"/api/v1/organizations/{muster.organization}{below}"
    begin = time.perf_counter()
    connection.request("GET", path, headers={"Authorization": f"Bearer {muster.token}"})
    answer = connection.getresponse()
    body = answer.read()
    spent = (time.perf_counter() - begin) * 1000
    if answer.status != 200:
        raise AssertionError(f"GET {path}: {answer.status} {body[:500]}")
    return spent


SECTIONS = {"register": register, "call": call, "import": import_people, "start": start, "lists": lists,
            "removal": removal, "moving": moving, "million": million}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, by comma")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--people", type=int, default=100000, help="in the files of import, start, lists and moving")
    parser.add_argument("--quick", action="store_true", help="short bursts, for trying the bench itself")
    parser.add_argument("--peer-only", action="store_true", help="register and call with Kamailio alone")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    if unknown := set(chosen) - SECTIONS.keys():
        parser.error(f"no such section: {', '.join(unknown)}")
    with contextlib.ExitStack() as stack:
        # PostgreSQL's own user must be able to look into it.
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="muster-bench-")))
        folder.chmod(0o755)
        bench = Bench(arguments, folder, stack)
        for section in chosen:
            SECTIONS[section](bench)
    report.write_document(SECTIONS)


if __name__ == "__main__":
    main()
