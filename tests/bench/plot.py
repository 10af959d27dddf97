# SPDX-License-Identifier: MIT
"""Plots as SVG, written by hand: bars, and lines over a scale of powers. Each function returns whether there was something."""
import math
from html import escape

FONT = 'font-family="DejaVu Sans, Helvetica, Arial, sans-serif"'
COLOURS = ["#1f6fb4", "#d1552b", "#3a9a4b", "#8a5ab5", "#b58900", "#5f6b73", "#c23b80", "#199f9f", "#7a4a1e",
           "#6b8e23", "#000080", "#e08e0b", "#708090", "#a0522d"]
OURS = "porterd"


def colour_of(name):
    if name.startswith(OURS):
        return COLOURS[0]
    return COLOURS[5] if name.startswith("bare") else COLOURS[1]


def short_number(value):
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def ticks(most, count=5):
    """Round numbers from 0 to beyond the most."""
    rough = most / count
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= rough)
    return [step * i for i in range(math.ceil(most / step) + 1)]


def powers(least, most):
    return [10.0 ** n for n in range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)]


class Drawing:
    def __init__(self, width, height, title):
        self.parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                      f'viewBox="0 0 {width} {height}" {FONT} font-size="13">',
                      f'<rect width="{width}" height="{height}" fill="#fff"/>']
        self.text(16, 28, title, size=17, weight="bold")

    def text(self, x, y, words, anchor="start", size=13, weight="normal", fill="#222"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
                          f'font-weight="{weight}" fill="{fill}">{escape(words)}</text>')

    def line(self, x1, y1, x2, y2, colour="#ddd", width=1):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
                          f'stroke-width="{width}"/>')

    def bar(self, x, y, width, height, colour):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(1, width):.1f}" height="{height:.1f}" '
                          f'fill="{colour}"/>')

    def dot(self, x, y, colour):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')

    def write(self, path):
        with open(path, "w") as f:
            f.write("\n".join([*self.parts, "</svg>", ""]))
        return True


def bars(path, title, unit, items):
    """items: (name, value); the longest bar comes first."""
    items = sorted(((name, value) for name, value in items if value > 0), key=lambda item: -item[1])
    if not items:
        return False
    left, right, top, step = 230, 830, 64, 24
    bottom = top + step * len(items)
    d = Drawing(920, bottom + 50, title)
    scale = ticks(items[0][1])
    for value in scale:
        x = left + (right - left) * value / scale[-1]
        d.line(x, top - 8, x, bottom)
        d.text(x, bottom + 18, short_number(value) if value else "0", "middle")
    d.text(left, bottom + 38, unit, fill="#555")
    for i, (name, value) in enumerate(items):
        y, width = top + i * step, (right - left) * value / scale[-1]
        d.text(left - 8, y + 14, name, "end", weight="bold" if name.startswith(OURS) else "normal")
        d.bar(left, y + 2, width, step - 7, colour_of(name))
        d.text(left + width + 6, y + 14, short_number(value))
    return d.write(path)


def lines(path, title, x_name, y_name, series, x_values, log_y=False):
    """series: name and its values, None where there is none, for each of the x_values, which stand at equal distances."""
    series = [(name, values) for name, values in series if any(v for v in values)]
    values = [v for _, of_one in series for v in of_one if v]
    if not values:
        return False
    left, right, top, bottom = 90, 650, 64, 430
    d = Drawing(920, 500, title)
    scale = powers(min(values), max(values)) if log_y else ticks(max(values))
    low, high = (math.log10(scale[0]), math.log10(scale[-1])) if log_y else (0, scale[-1])
    high = high if high > low else low + 1

    def y_of(value):
        return bottom - (bottom - top) * ((math.log10(value) if log_y else value) - low) / (high - low)

    def x_of(i):
        return left + 30 + (right - left - 60) * i / max(1, len(x_values) - 1)

    for value in scale:
        d.line(left, y_of(value), right, y_of(value))
        d.text(left - 8, y_of(value) + 4, short_number(value) if value else "0", "end")
    for i, value in enumerate(x_values):
        d.text(x_of(i), bottom + 20, value, "middle")
    d.text((left + right) / 2, bottom + 44, x_name, "middle", fill="#555")
    d.text(left, top - 14, y_name, fill="#555")
    draw_series(d, series, x_of, y_of, right + 20)
    return d.write(path)


def draw_series(d, series, x_of, y_of, legend_x):
    """The names stand beside the ends of their lines, from the top, and none over another."""
    ends = []
    for i, (name, values) in enumerate(series):
        colour = COLOURS[i % len(COLOURS)]
        points = [(x_of(j), y_of(v)) for j, v in enumerate(values) if v]
        for (x1, y1), (x2, y2) in zip(points, points[1:]):
            d.line(x1, y1, x2, y2, colour, 4 if name.startswith(OURS) else 2)
        for x, y in points:
            d.dot(x, y, colour)
        ends.append((points[-1][1], name, colour))
    below = 0
    for y, name, colour in sorted(ends):
        below = max(y + 4, below + 18)
        d.line(legend_x - 16, y, legend_x - 4, below - 4, colour, 1)
        d.text(legend_x, below, name, fill=colour, weight="bold" if name.startswith(OURS) else "normal")
