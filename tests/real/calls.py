#!/usr/bin/env python3
"""Real phones call each other through a running server: baresip speaks and listens, a strict client watches.

    calls.py ACCOUNTS.json [--only NAME,…] [--keep FOLDER]

ACCOUNTS.json:
    {"server": "127.0.0.1:5060", "domain": "demo.example", "call_timeout_s": 20,
     "accounts": [{"extension": "1000", "auth_name": "u000000", "secret": "…"}, … three or more],
     "commands": {"deactivate": ["muster", "user", "deactivate", "{auth_name}"], "activate": […]}}
"commands" is wanted by the scenarios about activation only, "call_timeout_s" by `nobody_answers`; without them
those are left out and said so. One line a scenario, "N passed, N failed, N left out" at the end; exit status 1 on
a failure.
"""
import argparse
import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from baresip import Phone
from sipclient import Client

CALLER_HZ, CALLEE_HZ = 440, 880
PROMPT_S = 1.0


class LeftOut(Exception):
    """The accounts file does not have what the scenario needs."""


class Stage:
    """The server and the people of one scenario; everything that it starts is stopped after it."""

    def __init__(self, setup, folder):
        self.setup, self.folder, self.after, self.notes = setup, folder, contextlib.ExitStack(), []

    def account(self, index):
        return self.setup["accounts"][index]

    def extension(self, index):
        return self.account(index)["extension"]

    def phone(self, name, index, tone_hz=CALLER_HZ):
        phone = Phone(name, self.account(index), self.setup["server"], self.setup["domain"], self.folder / name, tone_hz)
        self.after.callback(phone.stop)
        return phone.start()

    def client(self, index, **options):
        client = Client(self.account(index), self.setup["server"], self.setup["domain"], **options)
        self.after.callback(client.close)
        return client

    def watcher(self, *extensions):
        client = self.client(2)
        lamps = [client.subscribe(extension) for extension in extensions]
        for lamp in lamps:
            lamp.wait("free")
        return client, lamps

    def command(self, name, account):
        command = self.setup.get("commands", {}).get(name)
        if command is None:
            raise LeftOut(f"no command {name!r}")
        subprocess.run([part.format(**account) for part in command], check=True, capture_output=True, timeout=20)

    def two_phones(self):
        return self.phone("caller", 0, CALLER_HZ), self.phone("callee", 1, CALLEE_HZ)


def ring(stage, caller, callee):
    caller.dial(stage.extension(1))
    incoming = callee.wait("CALL_INCOMING")
    who = incoming["peeruri"].removeprefix("sip:").split("@")[0]
    assert who == stage.extension(0), f"the callee is shown {who}, the caller is {stage.extension(0)}"
    caller.wait("CALL_RINGING")


def connect(stage, caller, callee):
    ring(stage, caller, callee)
    callee.accept()
    callee.wait("CALL_ESTABLISHED")
    caller.wait("CALL_ESTABLISHED")


def both_closed(since, *phones):
    """Every phone saw its call end, promptly."""
    for phone in phones:
        late = phone.wait("CALL_CLOSED")["at"] - since
        assert late < PROMPT_S, f"{phone.name} saw the end after {late:.2f} s"


def tone_reaches_both_ends(stage):
    caller, callee = stage.two_phones()
    connect(stage, caller, callee)
    time.sleep(3)
    caller.hang_up()
    both_closed(time.monotonic(), caller, callee)
    for phone, frequency_hz in ((callee, CALLER_HZ), (caller, CALLEE_HZ)):
        heard = phone.heard()
        stage.notes.append(f"{phone.name} heard {heard}")
        assert abs(heard["frequency_hz"] - frequency_hz) <= 2, f"{phone.name} heard {heard}, sent was {frequency_hz} Hz"
        assert heard["share"] > 0.9 and heard["seconds"] > 2 and -12 < heard["level_dbfs"] < -6, f"{phone.name}: {heard}"


def caller_hangs_up(stage):
    caller, callee = stage.two_phones()
    connect(stage, caller, callee)
    caller.hang_up()
    both_closed(time.monotonic(), caller, callee)


def callee_hangs_up(stage):
    caller, callee = stage.two_phones()
    connect(stage, caller, callee)
    callee.hang_up()
    both_closed(time.monotonic(), caller, callee)


def caller_cancels(stage):
    caller, callee = stage.two_phones()
    ring(stage, caller, callee)
    caller.hang_up()
    both_closed(time.monotonic(), caller, callee)
    assert not callee.has("CALL_ESTABLISHED"), "a cancelled call was answered"


def callee_rejects(stage):
    caller, callee = stage.two_phones()
    ring(stage, caller, callee)
    callee.hang_up()
    since = time.monotonic()
    closed = caller.wait("CALL_CLOSED")
    assert closed["at"] - since < PROMPT_S
    stage.notes.append(f"the caller is told: {closed['param']}")
    assert closed["param"].startswith(("486", "603", "480")), closed["param"]


def nobody_answers(stage):
    timeout_s = stage.setup.get("call_timeout_s")
    if not timeout_s:
        raise LeftOut("no call_timeout_s")
    caller, callee = stage.two_phones()
    ring(stage, caller, callee)
    since = time.monotonic()
    closed = caller.wait("CALL_CLOSED", timeout_s + 5)
    rang_s = closed["at"] - since
    stage.notes.append(f"after {rang_s:.1f} s the caller is told: {closed['param']}")
    assert abs(rang_s - timeout_s) < 2, f"rang for {rang_s:.1f} s instead of {timeout_s}"
    assert closed["param"].startswith(("408", "480")), closed["param"]
    callee.wait("CALL_CLOSED", PROMPT_S)


def two_devices_ring_and_one_answers(stage):
    desk, mobile = stage.phone("desk", 1, CALLEE_HZ), stage.phone("mobile", 1, CALLEE_HZ)
    caller = stage.phone("caller", 0)
    caller.dial(stage.extension(1))
    for phone in (desk, mobile):
        phone.wait("CALL_INCOMING")
    mobile.accept()
    since = time.monotonic()
    mobile.wait("CALL_ESTABLISHED")
    caller.wait("CALL_ESTABLISHED")
    both_closed(since, desk)
    assert not desk.has("CALL_ESTABLISHED")
    time.sleep(0.5)
    assert not mobile.has("CALL_CLOSED"), "the call that was answered ended with the other branch"
    caller.hang_up()
    both_closed(time.monotonic(), caller, mobile)


def watcher_sees_ringing_busy_free(stage):
    caller, callee = stage.two_phones()
    watcher, lamps = stage.watcher(stage.extension(0), stage.extension(1))
    ring(stage, caller, callee)
    names = {auth for account in stage.setup["accounts"] if (auth := account["auth_name"]) != account["extension"]}
    for lamp, other, direction in ((lamps[0], 1, "initiator"), (lamps[1], 0, "recipient")):
        dialogs, _ = lamp.wait("ringing")
        assert [d["direction"] for d in dialogs] == [direction], dialogs
        assert dialogs[0]["remote"].startswith(f"sip:{stage.extension(other)}@"), dialogs
    callee.accept()
    caller.wait("CALL_ESTABLISHED")
    for lamp in lamps:
        lamp.wait("busy")
    caller.hang_up()
    since = time.monotonic()
    for lamp in lamps:
        late = lamp.wait("free")[1] - since
        assert late < PROMPT_S, f"free was shown after {late:.2f} s"
        shown = b"".join(lamp.documents).decode()
        assert not any(name in shown for name in names), "a username is shown to a watcher"
    return [watcher]


def deactivated_during_a_call(stage):
    if not {"deactivate", "activate"} <= stage.setup.get("commands", {}).keys():
        raise LeftOut("no commands deactivate and activate")
    caller, callee = stage.two_phones()
    watcher, lamps = stage.watcher(stage.extension(1))
    connect(stage, caller, callee)
    lamps[0].wait("busy")
    stage.command("deactivate", stage.account(1))
    since = time.monotonic()
    both_closed(since, caller, callee)
    lamps[0].wait("free", PROMPT_S)
    barred = stage.client(1)
    refused = barred.register(expect=403)
    stage.notes.append(f"a registration is told: {refused.status} {refused.reason}")
    stage.command("activate", stage.account(1))
    since = time.monotonic()
    barred.register()
    assert time.monotonic() - since < PROMPT_S
    barred.register(expires=0)
    return [watcher, barred]


def strict_client_calls_and_is_called(stage):
    """The same ways a call can end, between two clients that hold every message to its dialog."""
    a, b = stage.client(0), stage.client(1)
    for client in (a, b):
        client.register()
    for ends in ("caller", "callee", "cancel", "reject"):
        call = a.invite(stage.extension(1))
        other = b.next_call()
        other.ring()
        call.wait_status(180)
        if ends == "cancel":
            call.cancel()
            call.wait_status(487)
            other.wait_ended()
        elif ends == "reject":
            other.reject()
            call.wait_status(486)
        else:
            other.answer()
            call.wait_status(200)
            assert other.requests.get(timeout=5).method == "ACK"
            first, second = (call, other) if ends == "caller" else (other, call)
            first.bye()
            second.wait_ended()
    for client in (a, b):
        client.register(expires=0)
    return [a, b]


SCENARIOS = [tone_reaches_both_ends, caller_hangs_up, callee_hangs_up, caller_cancels, callee_rejects, nobody_answers,
             two_devices_ring_and_one_answers, watcher_sees_ringing_busy_free, deactivated_during_a_call,
             strict_client_calls_and_is_called]


def run(scenario, setup, folder):
    """True, False, or None where it was left out."""
    stage, start = Stage(setup, folder), time.monotonic()
    try:
        with stage.after:
            clients = scenario(stage) or []
            time.sleep(0.2)
            faults = [fault for client in clients for fault in client.faults]
            assert not faults, "; ".join(faults)
        print(f"ok    {scenario.__name__} ({time.monotonic() - start:.1f} s)", *stage.notes, sep="\n        ", flush=True)
        return True
    except LeftOut as why:
        print(f"--    {scenario.__name__}: {why}", flush=True)
        return None
    except Exception as error:
        print(f"FAIL  {scenario.__name__}: {error}", flush=True)
        if not isinstance(error, AssertionError):
            traceback.print_exc(file=sys.stdout)
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("accounts", type=pathlib.Path)
    parser.add_argument("--only", default="", help="names of scenarios, by comma")
    parser.add_argument("--keep", type=pathlib.Path, help="keep sounds and logs there")
    arguments = parser.parse_args()
    setup, only = json.loads(arguments.accounts.read_text()), set(filter(None, arguments.only.split(",")))
    unknown = only - {scenario.__name__ for scenario in SCENARIOS}
    if unknown:
        parser.error(f"no such scenario: {', '.join(unknown)}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.keep or pathlib.Path(temporary)).absolute()
        chosen = [scenario for scenario in SCENARIOS if not only or scenario.__name__ in only]
        results = [run(scenario, setup, folder / scenario.__name__) for scenario in chosen]
    print(f"{results.count(True)} passed, {results.count(False)} failed, {results.count(None)} left out")
    sys.exit(1 if False in results else 0)


if __name__ == "__main__":
    main()
