# SPDX-License-Identifier: Apache-2.0
"""What a candidate pair promises, before it is verified.

CF, JS and X2 count common cells of a grid, MBRO and ISP look at the boxes and the vertices (Papadakis et al.,
"Progressive, Holistic Geospatial Interlinking", 2021). ``fill`` estimates how much of the smaller box the larger
geometry really covers.

``octagon`` is the chance that two connected shapes meet, from what bounds them: their boxes, and their boxes in axes
turned by 45 degrees. A connected shape touches all four sides of its box. So one whose box goes through the other's
from left to right, while the other's goes through its own from bottom to top, must meet it; and shapes whose turned
boxes are apart cannot. In between, the shares of the sides stand for the chance of crossing, and the share of one
octagon that is in the other, times how full that is, for the chance of lying inside.

``probe`` looks whether an area has one vertex of the other inside, then goes by ``octagon``; that costs time, which the
budget pays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely

from semcube.errors import UsageError

__all__ = ["SCORES", "Candidates", "probe", "score", "turned_boxes"]

_SLICE = 250_000


@dataclass
class Candidates:
    """Pairs of a source and a target whose boxes meet."""

    source: np.ndarray
    """Object array of geometries."""
    target: np.ndarray
    first: np.ndarray
    """int64 (P), rows of ``source``."""
    second: np.ndarray

    def __post_init__(self) -> None:
        self.boxes = shapely.bounds(self.source).reshape(-1, 4), shapely.bounds(self.target).reshape(-1, 4)

    def __len__(self) -> int:
        return len(self.first)

    def pair_boxes(self) -> tuple[np.ndarray, np.ndarray]:
        """The boxes of each pair, (P, 4) each."""
        return self.boxes[0][self.first], self.boxes[1][self.second]


def _cells(pairs: Candidates) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Cells of the source, of the target, of both, of the grid (of mean box size)."""
    everything = np.concatenate(pairs.boxes)
    sides = np.maximum(np.nanmean(pairs.boxes[0][:, 2:] - pairs.boxes[0][:, :2], axis=0), 1e-9)
    origin = np.nanmin(everything[:, :2], axis=0)
    spans = [np.floor((box - np.tile(origin, 2)) / np.tile(sides, 2)) for box in pairs.pair_boxes()]
    counts = [np.prod(span[:, 2:] - span[:, :2] + 1, axis=1) for span in spans]
    shared = np.minimum(spans[0][:, 2:], spans[1][:, 2:]) - np.maximum(spans[0][:, :2], spans[1][:, :2]) + 1
    extent = np.floor((np.nanmax(everything[:, 2:], axis=0) - origin) / sides) + 1
    return counts[0], counts[1], np.prod(np.maximum(shared, 0), axis=1), float(np.prod(extent))


def common_frequency(pairs: Candidates) -> np.ndarray:
    """CF: cells in common."""
    return np.asarray(_cells(pairs)[2])


def jaccard(pairs: Candidates) -> np.ndarray:
    """JS: cells in common, of those of either."""
    a, b, both, _ = _cells(pairs)
    return np.asarray(both / (a + b - both))


def chi_squared(pairs: Candidates) -> np.ndarray:
    """X2: Pearson's test of the cells of one against those of the other."""
    a, b, both, total = _cells(pairs)
    rest = total - a - b + both
    with np.errstate(all="ignore"):
        found = total * (both * rest - (a - both) * (b - both)) ** 2 / (a * b * (total - a) * (total - b))
    return np.asarray(np.nan_to_num(found, nan=0.0, posinf=0.0))


def box_overlap(pairs: Candidates) -> np.ndarray:
    """MBRO: what the boxes share, of the area of both."""
    a, b = pairs.pair_boxes()
    shared = _area(_shared(a, b))
    together = _area(a) + _area(b) - shared
    return np.asarray(np.where(together > 0, shared / np.where(together > 0, together, 1), 0.0))


def inverse_points(pairs: Candidates) -> np.ndarray:
    """ISP: simple geometries first."""
    sizes = shapely.get_num_coordinates(pairs.source), shapely.get_num_coordinates(pairs.target)
    return np.asarray(1.0 / (sizes[0][pairs.first] + sizes[1][pairs.second]))


def fill(pairs: Candidates) -> np.ndarray:
    """The share of either box inside the other times how full that other is; the better of the two ways."""
    a, b = pairs.pair_boxes()
    shared = _shared(a, b)
    full = [_fullness(*side) for side in ((pairs.source, pairs.boxes[0]), (pairs.target, pairs.boxes[1]))]
    ways = (_share(shared, b) * full[0][pairs.first], _share(shared, a) * full[1][pairs.second])
    return np.asarray(np.maximum(ways[0], ways[1]))


def octagon(pairs: Candidates) -> np.ndarray:
    """The chance that both meet, by the crossing of their boxes, upright and turned, and by containment."""
    turned = turned_boxes(pairs.source), turned_boxes(pairs.target)
    full = [
        _octagon_fullness(*side)
        for side in ((pairs.source, pairs.boxes[0], turned[0]), (pairs.target, pairs.boxes[1], turned[1]))
    ]
    result = np.empty(len(pairs))
    for start in range(0, len(pairs), _SLICE):
        rows = slice(start, start + _SLICE)
        first, second = pairs.first[rows], pairs.second[rows]
        crossing, shares, apart = _crossing(pairs.boxes[0][first], pairs.boxes[1][second])
        across, slanted, off = _crossing(turned[0][first], turned[1][second])
        inside = (np.minimum(one, other) for one, other in zip(shares, slanted, strict=True))
        miss = (1 - crossing) * (1 - across)
        for share, other in zip(inside, (full[1][second], full[0][first]), strict=True):
            miss *= 1 - share * other
        result[rows] = np.where(apart | off, -1.0, 1 - miss)
    return result


def probe(pairs: Candidates, rows: np.ndarray | None = None, base: np.ndarray | None = None) -> np.ndarray:
    """Pairs in which an area holds one vertex of the other first, then by :func:`octagon`.

    Args:
        pairs: The candidates.
        rows: Which of them are probed; by default all.
        base: Their scores by :func:`octagon`, if known.
    """
    result = (octagon(pairs) if base is None else base).copy()
    probed = np.arange(len(pairs)) if rows is None else rows
    for own, others, ends, other_ends in (
        (pairs.source, pairs.target, pairs.first[probed], pairs.second[probed]),
        (pairs.target, pairs.source, pairs.second[probed], pairs.first[probed]),
    ):
        areal = shapely.get_dimensions(own)[ends] == 2
        if not areal.any():
            continue
        some = np.flatnonzero(areal)
        some = some[np.argsort(ends[some], kind="stable")]
        middle = _middle_vertices(others)[other_ends[some]]
        used = own[np.unique(ends[some])]
        shapely.prepare(used)
        result[probed[some]] += shapely.intersects_xy(own[ends[some]], middle[:, 0], middle[:, 1])
        shapely.destroy_prepared(used)
    return result


SCORES: dict[str, Callable[[Candidates], np.ndarray]] = {
    "octagon": octagon,
    "fill": fill,
    "probe": probe,
    "mbro": box_overlap,
    "cf": common_frequency,
    "js": jaccard,
    "x2": chi_squared,
    "isp": inverse_points,
    "random": lambda pairs: np.random.default_rng(0).random(len(pairs)),
}
"""Name -> score of each pair; more is better."""


def score(name: str, pairs: Candidates) -> np.ndarray:
    """The scores of pairs by the method of a name.

    Raises:
        UsageError: There is no such score.

    Example:
        >>> squares = shapely.box([0, 0], [0, 0], [2, 9], [2, 9])
        >>> pairs = Candidates(squares, shapely.box([1], [1], [3], [3]), np.array([0, 1]), np.array([0, 0]))
        >>> score("mbro", pairs).round(3), score("fill", pairs)
        (array([0.143, 0.049]), array([0.25, 1.  ]))
    """
    if name not in SCORES:
        raise UsageError(f"score {name!r}", expected=", ".join(SCORES))
    return np.asarray(SCORES[name](pairs), dtype=np.float64)


def _shared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.hstack([np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])]))


def _area(boxes: np.ndarray) -> np.ndarray:
    return np.asarray(np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1))


def _share(shared: np.ndarray, box: np.ndarray) -> np.ndarray:
    """How much of a box is in the shared one; sides without a length count as one point."""
    sides = box[:, 2:] - box[:, :2]
    inside = np.maximum(shared[:, 2:] - shared[:, :2], 0)
    return np.asarray(np.prod(np.where(sides > 0, inside / np.where(sides > 0, sides, 1), 1.0), axis=1))


def _fullness(geometries: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The share of its box that a geometry covers; of a line, about what a band of a tenth of the box would."""
    area = _area(boxes)
    with np.errstate(all="ignore"):
        covered = shapely.area(geometries) / area
    full = np.where(shapely.get_dimensions(geometries) == 2, covered, 0.1)
    return np.asarray(np.clip(np.nan_to_num(full, nan=1.0), 0.0, 1.0))


def turned_boxes(geometries: np.ndarray) -> np.ndarray:
    """Boxes in axes turned by 45 degrees: the extent of x + y and of x - y, float64 (N, 4), NaN of what is empty.

    Example:
        >>> turned_boxes(np.array([shapely.LineString([(0, 0), (2, 1)])]))
        array([[0., 0., 3., 1.]])
    """
    xy, owner = shapely.get_coordinates(geometries, return_index=True)
    result = np.full((len(geometries), 4), np.nan)
    if not len(xy):
        return result
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    rows = owner[starts]
    for place, values in enumerate((xy[:, 0] + xy[:, 1], xy[:, 0] - xy[:, 1])):
        result[rows, place] = np.minimum.reduceat(values, starts)
        result[rows, place + 2] = np.maximum.reduceat(values, starts)
    return result


def _crossing(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray], np.ndarray]:
    """How much one box goes through the other, what share of each area is shared, whether they are apart."""
    shared = _shared(a, b)
    extent = shared[:, 2:] - shared[:, :2]
    mine, theirs = (_ratio(np.maximum(extent, 0), box[:, 2:] - box[:, :2]) for box in (a, b))
    through = np.maximum(theirs[:, 0] * mine[:, 1], mine[:, 0] * theirs[:, 1])
    return through, (mine[:, 0] * mine[:, 1], theirs[:, 0] * theirs[:, 1]), (extent < 0).any(axis=1)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Sides without a length are wholly shared."""
    return np.asarray(np.where(whole > 0, part / np.where(whole > 0, whole, 1), 1.0))


def _octagon_fullness(geometries: np.ndarray, boxes: np.ndarray, turned: np.ndarray) -> np.ndarray:
    """The share of its octagon that an area covers; 0 of lines and points."""
    x0, y0, x1, y1 = boxes.T
    cuts = (x1 + y1 - turned[:, 2], turned[:, 0] - x0 - y0, x1 - y0 - turned[:, 3], turned[:, 1] - x0 + y1)
    area = (x1 - x0) * (y1 - y0) - sum(np.maximum(cut, 0) ** 2 for cut in cuts) / 2
    with np.errstate(all="ignore"):
        full = shapely.area(geometries) / area
    areal = shapely.get_dimensions(geometries) == 2
    return np.asarray(np.where(areal, np.clip(np.nan_to_num(full, nan=1.0), 0.0, 1.0), 0.0))


def _middle_vertices(geometries: np.ndarray) -> np.ndarray:
    """The vertex in the middle of each geometry's, (N, 2)."""
    xy, owner = shapely.get_coordinates(geometries, return_index=True)
    every = np.arange(len(geometries))
    first, last = (np.searchsorted(owner, every, side) for side in ("left", "right"))
    return np.asarray(xy[np.minimum((first + last) // 2, len(xy) - 1)])
