"""Draws the chart of docs/performance.md as SVG, without a library."""

from xml.sax.saxutils import escape

WIDTH = 860
INK, GREY, OURS, THEIRS, GRID = "#1f2933", "#61707f", "#0b7285", "#adb5bd", "#e4e7eb"


def _text(x, y, text, anchor="start", size=12, color=INK, weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
            f'fill="{color}">{escape(text)}</text>')


def _rect(x, y, width, height, color):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}" fill="{color}"/>'


def _line(x1, y1, x2, y2, color=GRID):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"/>'


def bars(contest, top):
    """Bars of seconds per program, the shortest first. Returns (parts, height)."""
    row, label_width = 24, 330
    outcomes = sorted(contest.outcomes.values(), key=lambda outcome: outcome.median.seconds)
    longest = max((outcome.median.seconds for outcome in outcomes), default=1)
    parts = [_text(0, top + 14, contest.title, size=14, weight="bold")]
    y = top + 26
    for outcome in outcomes:
        seconds = outcome.median.seconds
        width = (WIDTH - label_width - 70) * seconds / longest
        parts.append(_text(label_width - 8, y + 14, outcome.name, "end"))
        parts.append(_rect(label_width, y + 2, width, row - 8, OURS if outcome.name.startswith("etl") else THEIRS))
        parts.append(_text(label_width + width + 6, y + 14, f"{seconds:.2f} s", color=GREY))
        y += row
    return parts, y - top + 14


def _nice_ceiling(value):
    step = 10 ** (len(str(int(value))) - 1)
    return step * (int(value / step) + 1)


def curve(curve_, left, top, width, height):
    """Nanoseconds per row, from zero, over the logarithm of the size."""
    points = curve_.points
    highest = _nice_ceiling(max(point.nanoseconds_a_row for point in points))
    parts = [_text(left, top + 12, f"ns per row, by {curve_.title}", size=12, weight="bold")]
    plot_top, plot_bottom = top + 30, top + height - 26
    for share in (0, 0.5, 1):
        y = plot_bottom - (plot_bottom - plot_top) * share
        parts.append(_line(left + 30, y, left + width, y))
        parts.append(_text(left + 26, y + 4, f"{highest * share:g}", "end", 10, GREY))
    places = []
    for index, point in enumerate(points):
        x = left + 46 + (width - 66) * (index / (len(points) - 1) if len(points) > 1 else 0.5)
        y = plot_bottom - (plot_bottom - plot_top) * point.nanoseconds_a_row / highest
        places.append((x, y))
        parts.append(_text(x, plot_bottom + 16, f"{point.x:g}", "middle", 10, GREY))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts.append(f'<polyline points="{line}" fill="none" stroke="{OURS}" stroke-width="2"/>')
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{OURS}"/>' for x, y in places]
    return parts


def svg(contests, curves):
    parts, y = [], 10
    for contest in contests:
        if not contest.outcomes:
            continue
        more, height = bars(contest, y)
        parts += more
        y += height
    if curves:
        gap, height = 20, 190
        width = (WIDTH - gap * (len(curves) - 1)) / len(curves)
        for index, one in enumerate(curves):
            parts += curve(one, index * (width + gap), y, width, height)
        y += height
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 0 {WIDTH + 20} {y + 10:.0f}" font-family="sans-serif">',
        f'<rect x="-10" width="{WIDTH + 20}" height="{y + 10:.0f}" fill="#ffffff"/>', *parts, "</svg>", ""])
