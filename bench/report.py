"""Figures as JSON that is kept between runs, and as docs/benchmarks.md."""
import json
import statistics

from measure import ROOT

RESULTS = ROOT / "target/bench/results.json"
DOCUMENT = ROOT / "docs/benchmarks.md"

HEAD = """# Benchmarks

Written by `make bench`, which runs all of it again. A peer is measured beside us in the same run, in pairs that take
turns in going first; a ratio is the median of the pairs' ratios, since the machine's mood changes more between runs
than within a pair. CPU is user and system time of the server's whole process tree for one operation. Where the
generator's CPU differs between the two columns, the machine moved. Cells: median (least … most).
"""


class Row:
    """One line of a table: `ours` and `peer` are lists of figures, pair by pair; peer may be None."""

    def __init__(self, name, unit, ours, peer=None, goal=None, at_most=None):
        self.name, self.unit, self.ours, self.peer, self.goal = name, unit, ours, peer, goal
        # The goal is met when this figure (a ratio where there is a peer) is not above at_most.
        self.at_most = at_most

    def as_dict(self):
        return vars(self)


def ratio(row):
    pairs = [a / b for a, b in zip(row["ours"], row["peer"] or []) if b]
    return statistics.median(pairs) if pairs else None


def met(row):
    if row["at_most"] is None or not row["ours"]:
        return None
    return (ratio(row) if row["peer"] else statistics.median(row["ours"])) <= row["at_most"]


def save(section, title, peer_name, rows, notes, about):
    results = load()
    results[section] = {"title": title, "peer": peer_name, "rows": [row.as_dict() for row in rows], "notes": notes,
                        "about": about}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False))
    text = table(results[section])
    print(text, flush=True)


def load():
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def write_document(order):
    results = load()
    parts = [HEAD] + [table(results[section]) for section in order if section in results]
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text("\n".join(parts))


def table(section):
    peer = section["peer"] or "—"
    lines = [f"## {section['title']}", "", f"| measured | unit | Muster | {peer} | ratio | goal |", "|---|---|---|---|---|---|"]
    for row in section["rows"]:
        both = ratio(row)
        sign = {None: "", True: " ✓", False: " ✗"}[met(row)]
        lines.append(f"| {row['name']} | {row['unit']} | {figures(row['ours'])} | {figures(row['peer'])} "
                     f"| {'—' if both is None else f'{both:.2f}'} | {row['goal'] or '—'}{sign} |")
    about = section["about"]
    lines += ["", *section["notes"], "" if not section["notes"] else ""]
    lines.append("Commit {commit}, {date}, {machine}; {rustc}, Kamailio {kamailio}, {sipp}, {postgresql}.".format(**about))
    return "\n".join(lines) + "\n"


def figures(values):
    if not values:
        return "—"
    def short(x):
        return f"{x:.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}" if x else "0"
    if len(values) == 1 or min(values) == max(values):
        return short(values[0])
    return f"{short(statistics.median(values))} ({short(min(values))} … {short(max(values))})"
