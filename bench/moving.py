"""Moving in and out: judging, workbooks, exports, taking back, and the same with a million people already there."""
import contextlib
import json
import pathlib
import tempfile
import time

import measure
import people
import report
from report import Row
from servers import Muster

MILLION = 1_000_000
# Where the others of the million's section begin: extensions that nobody has yet.
OTHERS_FROM = 5_000_000


def moving(bench):
    csv = bench.folder / "people.csv"
    people.write_import(csv, bench.people)
    seen = {key: [] for key in ("judge_s", "judge_mb", "export_s", "export_mb", "workbook_s", "workbook_mb", "undo_s", "undo_mb",
                                "own_s", "own_mb", "own_xlsx_s", "own_xlsx_mb")}
    for _ in range(bench.pairs):
        with fresh_server(bench) as muster:
            own, xlsx = muster.folder / "own.csv", muster.folder / "own.xlsx"
            arguments = muster.import_arguments(csv)
            note(seen, "judge", muster, lambda: muster.run(*arguments, "--dry-run"))
            muster.run(*arguments)
            settle(muster)
            note(seen, "export", muster, lambda: muster.run("export", own, "--with-secrets"), more=True)
            note(seen, "workbook", muster, lambda: muster.run("export", xlsx, "--with-secrets"), more=True)
            note(seen, "undo", muster, lambda: muster.run("undo", "--job", last_import(muster)))
            own_bytes, xlsx_bytes = own.read_bytes(), xlsx.read_bytes()
        for name, content in (("own", own_bytes), ("own_xlsx", xlsx_bytes)):
            with fresh_server(bench) as muster:
                file = muster.folder / ("again.xlsx" if name == "own_xlsx" else "again.csv")
                file.write_bytes(content)
                note(seen, name, muster, lambda: muster.run("import", file))
        bench.say("moving", {key: values[-1] for key, values in seen.items()})
    rows = [
        Row("judging a CSV file, from the command's start to its end", "s", seen["judge_s"], goal="≤ 2", at_most=2.0),
        Row("peak resident memory of that", "MB", seen["judge_mb"], goal="≤ 256", at_most=256.0),
        Row("export to CSV, with secrets", "s", seen["export_s"], goal="≤ 3", at_most=3.0),
        Row("more memory at its peak than before", "MB", seen["export_mb"], goal="≤ 64", at_most=64.0),
        Row("export to XLSX, with secrets", "s", seen["workbook_s"], goal="≤ 3", at_most=3.0),
        Row("more memory at its peak than before", "MB", seen["workbook_mb"], goal="≤ 64", at_most=64.0),
        Row("taking the import back", "s", seen["undo_s"], goal="≤ 20", at_most=20.0),
        Row("peak resident memory of that", "MB", seen["undo_mb"], goal="≤ 256", at_most=256.0),
        Row("import of the XLSX export, beside the CSV export", "s", seen["own_xlsx_s"], seen["own_s"]),
        Row("peak resident memory of that, beside the CSV's", "MB", seen["own_xlsx_mb"], seen["own_mb"], "≤ 3 times", 3.0),
    ]
    notes = [f"SQLite, {bench.people} people. The operating system's account of the server (VmHWM, set back before each "
             "step). The right column is the CSV file that the same export writes."]
    report.save("moving", f"Moving {bench.people} people in and out", "CSV", rows, notes, bench.about)


def million(bench):
    """A hundred thousand more, where a million are and where nobody is, in turns."""
    everybody, others = bench.folder / "million.csv", bench.folder / "others.csv"
    people.write_import(everybody, MILLION // 10 if bench.quick else MILLION)
    people.write_import(others, bench.people, begin=OTHERS_FROM)
    seen = {key: [] for key in ("import_s", "empty_s", "judge_s", "judge_empty_s", "undo_s")}
    with fresh_server(bench) as muster:
        begin = time.monotonic()
        muster.run(*muster.import_arguments(everybody))
        first_s = time.monotonic() - begin
        settle(muster)
        first_mb, resident_mb = measure.memory_mb(muster.pid), measure.memory_mb(muster.pid, "VmRSS")
        muster.run("org", "create", "Nobody", "--domain", "nobody.example", "--slug", "nobody")
        for pair in range(max(1, bench.pairs // 2)):
            turns = ("bench", "nobody") if pair % 2 else ("nobody", "bench")
            for slug in turns:
                muster.organization = slug
                where = "" if slug == "bench" else "_empty"
                arguments = muster.import_arguments(others)
                measure.wait_quiet()
                seen[f"judge{where}_s"].append(timed(lambda: muster.run(*arguments, "--dry-run")))
                seen["empty_s" if where else "import_s"].append(timed(lambda: muster.run(*arguments)))
                settle(muster)
                took_s = timed(lambda: muster.run("undo", "--job", last_import(muster)))
                if not where:
                    seen["undo_s"].append(took_s)
                settle(muster)
            bench.say("million", {key: values[-1] for key, values in seen.items()})
        muster.organization = "bench"
        measure.forget_peak(muster.pid)
        before_mb = measure.memory_mb(muster.pid, "VmRSS")
        export_s = timed(lambda: muster.run("export", muster.folder / "all.csv"))
        export_mb = measure.memory_mb(muster.pid) - before_mb
        muster.stop()
        start_s = muster.start()
    rows = [
        Row("import of all of them", "s", [first_s]),
        Row("peak resident memory of that", "MB", [first_mb]),
        Row("resident memory with all of them", "MB", [resident_mb]),
        Row("from the start until ready", "s", [start_s]),
        Row(f"import of {bench.people} more", "s", seen["import_s"], seen["empty_s"], "≤ 1.5 times", 1.5),
        Row(f"judging {bench.people} more", "s", seen["judge_s"], seen["judge_empty_s"], "≤ 1.5 times", 1.5),
        Row("taking that import back", "s", seen["undo_s"]),
        Row("export of all of them to CSV", "s", [export_s]),
        Row("more memory at its peak than before", "MB", [export_mb], goal="≤ 64", at_most=64.0),
    ]
    notes = ["SQLite. The right column is the same file into an organization of the same server in which nobody is, in "
             "turns; the command waits until the phones know of everybody."]
    report.save("million", f"With {'a hundred thousand' if bench.quick else 'a million'} people there", "nobody there", rows,
                notes, bench.about)


@contextlib.contextmanager
def fresh_server(bench):
    bench.stop_phone_servers()
    with tempfile.TemporaryDirectory(dir=bench.folder) as name:
        muster = Muster(pathlib.Path(name))
        try:
            muster.start()
            muster.create_organization()
            yield muster
        finally:
            muster.stop()


def note(seen, name, muster, work, more=False):
    """Seconds and peak memory of one step; `more`: beyond what there was before it."""
    measure.wait_quiet()
    measure.forget_peak(muster.pid)
    before_mb = measure.memory_mb(muster.pid, "VmRSS")
    seen[f"{name}_s"].append(timed(work))
    seen[f"{name}_mb"].append(measure.memory_mb(muster.pid) - (before_mb if more else 0))


def timed(work):
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def settle(muster, seconds_max=60):
    """Until the server has nothing left to do, such as telling the phones."""
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline:
        before = measure.cpu_s(muster.pid)
        time.sleep(1)
        if measure.cpu_s(muster.pid) - before < 0.05:
            return


def last_import(muster):
    """The job that last wrote people."""
    jobs = json.loads(muster.run("job", "list", "--json"))
    jobs = jobs["items"] if isinstance(jobs, dict) else jobs
    return next(job["id"] for job in jobs if job["state"] == "done" and not job["options"].get("dry_run"))
