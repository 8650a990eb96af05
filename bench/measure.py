"""CPU and memory of a process tree, SIPp as a load, and what machine this is."""
import csv
import datetime
import itertools
import os
import pathlib
import platform
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCENARIOS = ROOT / "tests/real/sipp"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
CALLER_PORT, CALLEE_PORT = 16060, 15080

_numbers = itertools.count(1)


def tree(root):
    """The process and all its descendants."""
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        fields = _stat(name)
        if fields:
            children.setdefault(int(fields[1]), []).append(int(name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def cpu_s(root):
    """User and system time of the whole tree."""
    fields = filter(None, (_stat(pid) for pid in tree(root)))
    return sum(int(f[11]) + int(f[12]) for f in fields) / TICKS_PER_S


def memory_mb(root, what="VmHWM"):
    """Summed over the tree: VmHWM is the peak since the start, VmRSS is now."""
    kilobytes = 0
    for pid in tree(root):
        try:
            lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            continue
        kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith(what + ":"))
    return round(kilobytes / 1024, 1)


def forget_peak(root):
    """Sets VmHWM back to what is resident now."""
    for pid in tree(root):
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")


def _stat(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2:].split()


def wait_quiet(seconds_max=12, percent=12):
    """Until the machine uses less than that share of one core; gives up quietly, the figures show it."""
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline:
        before, start = _busy_s(), time.monotonic()
        time.sleep(0.5)
        if (_busy_s() - before) / (time.monotonic() - start) * 100 < percent:
            return


def _busy_s():
    fields = [int(x) for x in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS_PER_S


def sipp(target, scenario, domain, folder, *more):
    """The command line that all loads share, and the file that SIPp counts into."""
    number = next(_numbers)
    counts = folder / f"sipp-{number}.csv"
    command = ["sipp", target, "-sf", str(SCENARIOS / scenario), "-i", "127.0.0.1", "-nostdin", "-timer_resol", "1",
               "-deadcall_wait", "0", "-buff_size", "4000000", "-trace_stat", "-stf", str(counts), "-fd", "1",
               "-cid_str", f"%u-{os.getpid()}-{number}-%p@%s", "-key", "domain", domain,
               "-key", "contact_port", str(CALLEE_PORT), *map(str, more)]
    return command, counts


def start(command, folder):
    log = open(folder / "sipp.log", "a")
    environment = dict(os.environ, TERM="dumb")
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, cwd=folder,
                            env=environment)


def burst(server_pid, target, scenario, people, domain, folder, rate, count, *more, timeout_s=120):
    """One load of `count` operations at `rate` a second, with what it cost the server and the generator."""
    command, counts = sipp(target, scenario, domain, folder, "-p", CALLER_PORT, "-inf", people, "-r", rate, "-m", count,
                           "-l", 10000, *more)
    wait_quiet()
    before, begin = cpu_s(server_pid), time.monotonic()
    process = start(command, folder)
    usage = _wait(process, timeout_s)
    seconds = time.monotonic() - begin
    # What the server still does for the last of them belongs to them.
    time.sleep(0.3)
    spent = cpu_s(server_pid) - before
    try:
        with open(counts, newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        counts.unlink()
    except (OSError, IndexError):
        last = {}
    done = int(last.get("SuccessfulCall(C)", 0))
    return {
        "rate": rate, "done": done, "failed": int(last.get("FailedCall(C)", 0)) + max(0, count - done),
        "retransmitted": int(last.get("Retransmissions(C)", 0)), "seconds": round(seconds, 2),
        "server_us": round(spent * 1e6 / max(1, done), 1),
        "generator_us": round((usage.ru_utime + usage.ru_stime) * 1e6 / max(1, done), 1),
        "exit": process.returncode,
    }


def _wait(process, timeout_s):
    deadline = time.monotonic() + timeout_s
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if not pid and time.monotonic() > deadline:
            os.kill(process.pid, signal.SIGKILL)
            pid, status, usage = os.wait4(process.pid, 0)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage
        time.sleep(0.005)


def output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=20)
        return (done.stdout + done.stderr).strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def commit():
    dirty = " and uncommitted changes" if output("git", "status", "--porcelain", "--untracked-files=no") else ""
    return output("git", "rev-parse", "--short=10", "HEAD") + dirty


def machine():
    """What the figures were taken on."""
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    def line(*command):
        return next((line.strip() for line in output(*command).splitlines() if line.strip()), "not there")
    return {
        "date": datetime.date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores of {model}, {memory_gb:.0f} GiB, Linux {platform.release()}",
        "rustc": line("rustc", "--version"),
        "kamailio": line("kamailio", "-v").removeprefix("version: "),
        "sipp": line("sipp", "-v").strip(" ."),
        "postgresql": line("/usr/lib/postgresql/15/bin/postgres", "--version"),
        "python": f"Python {platform.python_version()}",
    }
