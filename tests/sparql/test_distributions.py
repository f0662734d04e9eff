# SPDX-License-Identifier: Apache-2.0
"""Estimates of filters: ranges of skewed numbers and times, beside what they keep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from semcube.engines.ids import PAYLOAD
from semcube.sparql.algebra import Literal, Operation, Variable
from semcube.sparql.explain import NodeReport, Trace
from semcube.sparql.pushdown.distributions import Distribution, ranges
from semcube.store import Store
from semcube.store import distributions as stored
from semcube.vocab import XSD_DECIMAL, XSD_INTEGER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 30_000
PREFIX = "PREFIX : <http://e/> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> "
START = datetime(2000, 1, 1, tzinfo=UTC)


class Data:
    """Columns of values, and the store that holds them."""

    def __init__(self, folder: Path) -> None:
        random = np.random.default_rng(7)
        self.area = np.round(random.lognormal(3, 2.5, ROWS), 4)
        self.weight = random.lognormal(0, 4, ROWS)
        self.people = np.minimum(random.zipf(1.6, ROWS), 10**9)
        self.days = np.floor(random.lognormal(6, 1.2, ROWS)).astype(int) % 40_000
        xsd = "http://www.w3.org/2001/XMLSchema#"
        with (folder / "data.nt").open("w", encoding="ascii") as out:
            for n in range(ROWS):
                day = (START + timedelta(days=int(self.days[n]))).strftime("%Y-%m-%dT00:00:00Z")
                out.write(f'<http://e/s{n}> <http://e/area> "{self.area[n]:.4f}"^^<{xsd}decimal> .\n')
                out.write(f'<http://e/s{n}> <http://e/weight> "{float(self.weight[n])!r}"^^<{xsd}double> .\n')
                out.write(f'<http://e/s{n}> <http://e/people> "{self.people[n]}"^^<{xsd}integer> .\n')
                out.write(f'<http://e/s{n}> <http://e/since> "{day}"^^<{xsd}dateTime> .\n')
                out.write(f'<http://e/s{n}> <http://e/kind> "{n % 7}" .\n')
        self.store = Store.open(folder / "store", create=True)
        self.store.load(folder / "data.nt")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Data]:
    found = Data(tmp_path_factory.mktemp("distributions"))
    yield found
    found.store.close()


def nodes(data: Data, pattern: str, **options: object) -> list[NodeReport]:
    trace = Trace()
    with data.store.query(f"{PREFIX} SELECT * {{ {pattern} }}", trace=trace, **options) as result:
        len(result)
    waiting, found = list(trace.report().plan), []
    while waiting:
        found.append(waiting.pop())
        waiting += found[-1].children
    return found


def check(data: Data, pattern: str, **options: object) -> None:
    found = nodes(data, pattern, **options)
    assert any("filters are expected to keep" in note for node in found for note in node.notes)
    for node in found:
        assert node.estimated is not None
        expected, real = max(node.estimated, 1.0), max(node.rows, 1.0)
        assert real / 10 <= expected <= real * 10, (pattern, options, node.operator, node.estimated, node.rows)


def constants(data: Data, seed: int) -> dict[str, tuple[str, str, str]]:
    """For each property two values of the data in order, as SPARQL, and one near the first."""
    random = np.random.default_rng(seed)
    pick = {name: np.sort(random.choice(getattr(data, name), 2)) for name in ("area", "weight", "people", "days")}
    dates = [(START + timedelta(days=int(days))).strftime("%Y-%m-%dT00:00:00Z") for days in pick["days"]]
    moments = [f'"{date}"^^xsd:dateTime' for date in dates]
    return {
        "area": (f"{pick['area'][0]:.4f}", f"{pick['area'][1]:.4f}", f"{pick['area'][0] * 1.05 + 0.001:.4f}"),
        "weight": tuple(f"{v:.12e}" for v in (*pick["weight"], pick["weight"][0] * 1.05)),  # type: ignore[dict-item]
        "people": (str(pick["people"][0]), str(pick["people"][1]), str(pick["people"][0] + 1)),
        "since": (moments[0], moments[1], moments[1]),
    }


FILTERS = [
    "?v < {0}", "?v <= {0}", "?v > {1}", "{1} <= ?v", "?v >= {0} && ?v <= {1}", "?v > {0} && ?v < {2}",
    "!(?v < {0})", "?v < {0} || ?v > {1}", "?v != {0}", "?v = {0}", "!(?v >= {0} && ?v < {1})",
]  # fmt: skip


@pytest.mark.parametrize("property_", ["area", "weight", "people", "since"])
@pytest.mark.parametrize("seed", [1, 2])
def test_random_ranges_within_ten_times(data: Data, property_: str, seed: int) -> None:
    for number, text in enumerate(FILTERS):
        given = constants(data, 100 * seed + number)[property_]
        check(data, f"?s :{property_} ?v FILTER({text.format(*given)})")


@pytest.mark.parametrize("push_down", ["auto", "forced"])
def test_filters_of_joins_within_ten_times(data: Data, push_down: str) -> None:
    star = '?s :area ?v ; :people ?n ; :kind "3"'
    for seed in range(4):
        given, more = constants(data, seed)["area"], constants(data, seed)["people"]
        check(data, f"{star} FILTER(?v > {given[0]}) FILTER(?v <= {given[1]})", push_down=push_down)
        check(data, f"{star} FILTER(?n > {more[0]} && ?v < {given[1]})", push_down=push_down)


def test_filters_are_correlated_as_they_are(data: Data) -> None:
    """Two properties of which one follows the other: a sample of the join knows, two distributions cannot."""
    check(data, "?s :people ?a ; :people ?b FILTER(?a = 1) FILTER(?b = 1)")


def test_values_are_read_only_where_somebody_wants_to_know(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store", create=True) as store:
        store.update("INSERT DATA { " + " ".join(f"<http://e/{n}> <http://e/p> {n}.5 ." for n in range(50)) + " }")
        text = "SELECT * { ?s <http://e/p> ?v FILTER(?v > 10) }"
        with store.query(text) as result:
            assert len(result) == 40
            known = result._answer.context.dataset.leaves._counts.distributions  # type: ignore[attr-defined]
        assert not known._known
        with store.query(text, trace=Trace()) as result:
            len(result)
        assert len(known._known) == 2


def test_samples_without_columns_in_memory(data: Data) -> None:
    with data.store.query("ASK {}") as result:
        connection = result._answer.context.dataset.connection()  # type: ignore[attr-defined]
        named = f"SELECT p, objects FROM predicates JOIN terms ON n = p & {PAYLOAD} WHERE lexical LIKE '%/area'"
        ((predicate, objects),) = connection.execute(named).fetchall()
        found = stored.sampled_values(predicate, ROWS, objects, None, connection)
    low, high = np.quantile(data.area, [0.3, 0.9])
    assert found[False].within([((low, 0), (high, 0))]) == pytest.approx(0.6, abs=0.05)
    assert found[True].within([((low, 0), (high, 0))]) == 0.0


def test_ranges_of_expressions() -> None:
    n, two, five = Variable("n"), Literal("2", XSD_INTEGER), Literal("5.0", XSD_DECIMAL)
    above, below = Operation(">", (n, two)), Operation(">=", (five, n))
    assert ranges(Operation("&&", (above, below))) == ("n", False, [((2.0, 1), (5.0, 1))])
    assert ranges(Operation("||", (above, below))) == ("n", False, [((-np.inf, 0), (np.inf, 1))])
    assert ranges(Operation("!", (Operation("IN", (n, two, five)),))) == (
        "n",
        False,
        [((-np.inf, 0), (2.0, 0)), ((2.0, 1), (5.0, 0)), ((5.0, 1), (np.inf, 1))],
    )
    assert ranges(Operation("&&", (above, Operation("<", (Variable("m"), two))))) is None
    assert ranges(Operation("<", (n, Literal("a")))) is None


def test_a_distribution_is_one_in_all_and_never_less_than_nothing() -> None:
    random = np.random.default_rng(1)
    values = np.append(np.round(random.lognormal(0, 2, 500), 1), [np.inf, -np.inf, np.nan])
    found = Distribution(values, 1.0, 400)
    edges = sorted({(float(v), side) for v in [*values[:200], 0.05, -3.0, 1e9] for side in (0, 1)})
    below = [found.within([((-np.inf, 0), edge)]) for edge in edges]
    assert all(a <= b + 1e-12 for a, b in pairwise(below))
    assert found.within([((-np.inf, 0), (np.inf, 1))]) == 1.0
    nothing = Distribution(np.empty(0), 0.0, 0)
    assert nothing.within([((0.0, 0), (1.0, 0))]) == 0.0
