"""Formats the measurements as Markdown."""

import datetime

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join("---" if i == 0 else "--:" for i in range(len(head))) + "|"]
    return lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]


def mebibytes(count):
    return f"{count / 2**20:.0f} MiB"


def contest(one):
    lines = [f"### {one.title}", ""]
    if one.note:
        lines += [one.note, ""]
    ours = next((outcome for outcome in one.outcomes.values() if outcome.name.startswith("etl")), None)
    rows = []
    for outcome in sorted(one.outcomes.values(), key=lambda each: each.median.seconds):
        middle = outcome.median
        ratio = f"{middle.seconds / ours.median.seconds:.2f}" if ours else ""
        rows.append([outcome.name, f"{middle.seconds:.3f}", f"{outcome.best:.3f}", f"{middle.cpu_seconds:.2f}",
                     f"{outcome.rows / middle.seconds / 1e6:.1f}", mebibytes(middle.peak_bytes), ratio])
    lines += table(["", "median s", "best s", "CPU s", "M rows/s", "peak memory", "x etl"], rows) + [""]
    lines += [f"Not measured: {name} ({why})." for name, why in one.skipped]
    return lines + ([""] if one.skipped else [])


def goals(contests, others):
    """others: [(text, value, limit, unit)]."""
    rows = []
    for one in contests:
        for goal, ratio, cpu_ratio in one.verdicts():
            rows.append([f"{one.title}: {goal.ours} against {goal.theirs}", f"<= {goal.most:.2f} x", f"{ratio:.2f} x",
                         "" if cpu_ratio is None else f"{cpu_ratio:.2f} x", "yes" if ratio <= goal.most else "**no**"])
    for text, value, limit, unit in others:
        rows.append([text, f"<= {limit:g}{unit}", f"{value:.1f}{unit}", "", "yes" if value <= limit else "**no**"])
    return ["### Goals", ""] + table(["", "goal", "measured", "processor time", "met"], rows) + [""]


def curves(all_curves):
    lines = ["### As files, hours and threads grow", ""]
    for one in all_curves:
        lines += table([one.title, "seconds", "ns per row", "peak memory"],
                       [[f"{point.x:g}", f"{point.seconds:.3f}", f"{point.nanoseconds_a_row:.1f}",
                         mebibytes(point.peak_bytes)] for point in one.points]) + [""]
    return lines


def profile(layers, functions):
    lines = ["### Where the time goes", "", "Share of the main job's processor time, including the kernel, as sampled by perf:", ""]
    lines += table(["layer", "percent"], [[layer, f"{percent:.1f}"] for layer, percent in layers.most_common()
                                          if percent >= 0.5])
    lines += ["", "The hottest functions:", ""]
    return lines + table(["function", "library", "percent"],
                         [[f"`{name[:70]}`", library, f"{percent:.1f}"] for percent, library, name in functions]) + [""]


def heading(machine, mode, rounds):
    today = datetime.date.today().isoformat()
    return [f"Measured on {today} by `tools/bench.sh --{mode}`: {machine}; medians of {rounds} alternating runs.", ""]


def insert(path, lines):
    """Replaces the text between the marks of a page."""
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    path.write_text(before + BEGIN + "\n\n" + "\n".join(lines).rstrip() + "\n\n" + END + after, encoding="utf-8")
