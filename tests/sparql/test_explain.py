# SPDX-License-Identifier: Apache-2.0
"""What a trace tells."""

from __future__ import annotations

import json

from semcube.sparql.algebra import PlanNode
from semcube.sparql.explain import Trace, describe, explain, outline
from semcube.sparql.memory import MemoryDataset
from semcube.sparql.parser import parse_query
from tests.sparql.asking import PREFIX, dataset

DATA = ":a :p 1 . :b :p 2 . :c :q 3 ."


def test_stages_and_nodes_with_rows() -> None:
    report = explain(PREFIX + "SELECT ?s { ?s :p ?o OPTIONAL { ?s :q ?v } FILTER(?o > 1) }", dataset(DATA))
    assert list(report.stages) == ["parsed", "rewritten", "planned"]
    (root,) = report.plan
    assert (root.operator, root.detail, root.rows, root.how) == ("Project", "?s", 1, "reference")
    rows = {}

    def visit(node: object) -> None:
        rows[node.operator] = node.rows  # type: ignore[attr-defined]
        for child in node.children:  # type: ignore[attr-defined]
            visit(child)

    visit(root)
    assert rows["Filter"] == 1
    assert rows["LeftJoin"] in (1, 2)
    assert report.milliseconds["parsed"] > 0


def test_the_report_is_json_and_text() -> None:
    report = explain(PREFIX + "ASK { ?s :p ?o }", dataset(DATA))
    assert json.loads(json.dumps(report.to_dict()))["plan"][0]["operator"] == "BGP"
    text = report.to_text()
    assert "== planned" in text
    assert "BGP ?s <http://e/p> ?o [reference: 2 rows" in text


def test_constructed_graphs_are_run_too() -> None:
    report = explain(PREFIX + "CONSTRUCT { ?s :x ?o } { ?s :p ?o }", dataset(DATA))
    assert report.plan[0].rows == 2


def test_a_node_that_runs_often_is_told_once() -> None:
    data = dataset(":g { :a :p 1 } :h { :a :p 2 }")
    report = explain(PREFIX + "SELECT * { GRAPH ?g { { SELECT ?s { ?s :p ?o } LIMIT 1 } } }", data)
    text = report.to_text()
    assert "2 times" in text


def test_what_a_dataset_takes_over_is_told_with_its_native_text() -> None:
    class Relation:
        variables = ()

        def batches(self):  # type: ignore[no-untyped-def]
            import pyarrow as pa

            yield pa.RecordBatch.from_pydict({"s": pa.array([5], pa.int64())})

        def estimate(self):  # type: ignore[no-untyped-def]
            from semcube.sparql.dataset import Estimate

            return Estimate(7)

        def explain(self) -> str:
            return "SELECT 1"

    class Taking(MemoryDataset):
        def push(self, node, context):  # type: ignore[no-untyped-def]
            return Relation()

    report = explain("SELECT ?s { ?s ?p ?o }", Taking())
    (root,) = report.plan
    assert (root.how, root.native, root.estimated, root.rows) == ("pushed", "SELECT 1", 7, 1)
    assert "[pushed: 1 rows of about 7" in report.to_text()
    assert "| SELECT 1" in report.to_text()


def test_one_line_for_each_kind_of_node() -> None:
    text = """SELECT DISTINCT ?s (COUNT(?v) AS ?n) {
      ?s (:p|^:q)+/!(:x|^:y)? ?o . GRAPH ?g { ?s :p "x"@en } BIND(STR(?o) AS ?t) VALUES ?v { 1 UNDEF }
      FILTER(?v IN (1, 2) && EXISTS { ?s ?a ?b }) SERVICE <http://x/> { ?s ?p ?o } MINUS { ?s :m 1 }
      OPTIONAL { ?s :o ?w FILTER(?w < 3) } } GROUP BY ?s ORDER BY DESC(?s) LIMIT 3 OFFSET 1"""
    found = outline(parse_query(PREFIX + text).form.pattern)
    for part in (
        "Slice offset 1 limit 3", "OrderBy desc ?s", "COUNT(?v)", "(?w < 3)", "Graph ?g", '"x"@en', "?t := STR(?o)",
        "Values ?v (2 rows)", "IN(?v, ", "EXISTS { BGP ?s ?a ?b }", "Service <http://x/>", "^(<http://e/q>)", "Minus",
        "!(<http://e/x>|^<http://e/y>)",
    ):  # fmt: skip
        assert part in found, part


def test_planner_nodes_describe_themselves() -> None:
    class Own(PlanNode):
        def describe(self) -> str:
            return "itself"

    assert describe(Own()) == "itself"


def test_counters_add_up_and_notes_do_not_repeat() -> None:
    trace = Trace()
    trace.count("requests")
    trace.count("requests", 2)
    trace.count("nothing", 0)
    trace.note("a")
    trace.note("a")
    assert trace.report().counts == {"requests": 3}
    assert trace.node.notes == ["a"]
