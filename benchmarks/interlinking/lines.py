# SPDX-License-Identifier: Apache-2.0
"""Panels of lines as SVG text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

__all__ = ["panels"]

COLOURS = ("#1f77b4", "#2ca02c", "#d62728", "#9467bd", "#888888", "#ff7f0e", "#17becf", "#8c564b")
WIDTH, HEIGHT, LEFT, GAP, TOP = 300, 220, 52, 40, 56

Line = Sequence[tuple[float, float]]


def panels(title: str, found: Mapping[str, Mapping[str, Line]], x_label: str, y_label: str, columns: int = 3) -> str:
    """One panel for each pairing, one line for each name; the same name has the same colour in all."""
    names = list(dict.fromkeys(name for lines in found.values() for name in lines))
    rows = -(-len(found) // columns)
    width, height = LEFT + columns * (WIDTH + GAP), TOP + rows * (HEIGHT + 62)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    x = LEFT
    for i, name in enumerate(names):
        out.append(f'<line x1="{x}" y1="18" x2="{x + 20}" y2="18" stroke="{_colour(i)}" stroke-width="2"/>')
        out.append(f'<text x="{x + 25}" y="22">{escape(name)}</text>')
        x += 45 + 6 * len(name)
    for place, (panel, lines) in enumerate(found.items()):
        left, top = LEFT + place % columns * (WIDTH + GAP), TOP + place // columns * (HEIGHT + 62)
        out += _panel(panel, lines, names, (left, top), (x_label, y_label))
    return "\n".join([*out, "</svg>"]) + "\n"


def _panel(
    title: str, lines: Mapping[str, Line], names: list[str], corner: tuple[int, int], labels: tuple[str, str]
) -> list[str]:
    left, top = corner
    bottom, right = top + HEIGHT, left + WIDTH
    far = max((x for line in lines.values() for x, _ in line), default=1.0) or 1.0
    high = max((y for line in lines.values() for _, y in line), default=1.0) or 1.0
    out = [f'<text x="{left}" y="{top - 8}" font-weight="bold">{escape(title)}</text>']
    for step in range(5):
        x, y = left + WIDTH * step / 4, bottom - HEIGHT * step / 4
        out.append(f'<line x1="{x}" y1="{top}" x2="{x}" y2="{bottom}" stroke="#e5e5e5"/>')
        out.append(f'<line x1="{left}" y1="{y}" x2="{right}" y2="{y}" stroke="#e5e5e5"/>')
        out.append(f'<text x="{x}" y="{bottom + 14}" text-anchor="middle">{_number(far * step / 4)}</text>')
        out.append(f'<text x="{left - 4}" y="{y + 4}" text-anchor="end">{_number(high * step / 4)}</text>')
    out.append(f'<text x="{right}" y="{bottom + 28}" text-anchor="end">{escape(labels[0])}</text>')
    out.append(f'<text x="{right}" y="{top - 8}" text-anchor="end">{escape(labels[1])}</text>')
    for name, line in lines.items():
        points = " ".join(f"{left + WIDTH * x / far:.1f},{bottom - HEIGHT * y / high:.1f}" for x, y in line)
        colour = _colour(names.index(name))
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
    return out


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]
