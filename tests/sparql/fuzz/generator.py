# SPDX-License-Identifier: Apache-2.0
"""A seeded generator of small data and of SPARQL 1.1 queries over it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

PREFIXES = "PREFIX : <http://e/> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>\n"
SUBJECTS = [f":s{i}" for i in range(5)]
LINKS = [":p0", ":p1", ":p2"]
GRAPHS = [":g0", ":g1"]
INTEGERS = [str(i) for i in range(-1, 5)]
OTHERS = [
    '"a"', '"b"', '"ab"', '""', '"a"@en', '"b"@fr', "true", "false", "1.5", "0.5", '"2020-01-01"^^xsd:date',
    '"2020-01-01T00:00:00Z"^^xsd:dateTime',
]  # fmt: skip


@dataclass
class Fuzz:
    """Draws queries; one seed, one query."""

    rng: random.Random
    used: list[str] = field(default_factory=list)
    triples: int = 0
    fresh: int = 0
    in_exists: int = 0

    def data(self) -> str:
        """Some triples in the default graph and in two named graphs, as TriG."""
        pick = self.rng.choice

        def triple() -> str:
            kind = self.rng.random()
            if kind < 0.5:
                return f"{pick(SUBJECTS)} {pick(LINKS)} {pick(SUBJECTS)} ."
            if kind < 0.75:
                return f"{pick(SUBJECTS)} :int {pick(INTEGERS)} ."
            return f"{pick(SUBJECTS)} {pick([':any', *LINKS])} {pick([*OTHERS, *INTEGERS])} ."

        nodes = f"{SUBJECTS[0]} :node {', '.join(SUBJECTS[1:])} ."
        parts = [nodes] + [triple() for _ in range(self.rng.randint(15, 40))]
        for graph in GRAPHS:
            parts += [graph + " {", nodes, *(triple() for _ in range(self.rng.randint(3, 12))), "}"]
        header = PREFIXES.replace("PREFIX", "@prefix").replace("> @", "> . @").replace(">\n", "> .\n")
        return header + "\n".join(parts)

    # --- terms ------------------------------------------------------------------------------------------------------

    def chance(self, part: float) -> bool:
        return self.rng.random() < part

    def variable(self) -> str:
        name = "?" + self.rng.choice("abcde")
        self.used.append(name)
        return name

    def known(self) -> str:
        return self.rng.choice(self.used) if self.used and self.chance(0.9) else self.variable()

    def new(self) -> str:
        self.fresh += 1
        return f"?x{self.fresh}"

    def subject(self) -> str:
        return self.variable() if self.chance(0.9) else self.rng.choice(SUBJECTS)

    def value(self) -> str:
        return self.rng.choice([*SUBJECTS, *INTEGERS, *OTHERS])

    def likely(self) -> str:
        """A value that many patterns match."""
        return self.rng.choice(SUBJECTS) if self.chance(0.6) else self.value()

    def object(self) -> str:
        return self.variable() if self.chance(0.92) else self.value()

    # --- patterns ---------------------------------------------------------------------------------------------------

    def triple(self) -> str:
        self.triples += 1
        place = self.rng.random()
        predicate = self.rng.choice([*LINKS, *LINKS, ":int", ":any"]) if place < 0.92 else self.variable()
        return f"{self.subject()} {predicate} {self.object()} ."

    def path(self, depth: int = 2) -> str:
        kind = self.rng.random() if depth else 0.0
        if kind < 0.3:
            return self.rng.choice(LINKS)
        inner = self.path(depth - 1)
        if kind < 0.4:
            return f"^({inner})"
        if kind < 0.55:
            return f"({inner}/{self.path(depth - 1)})"
        if kind < 0.7:
            return f"({inner}|{self.path(depth - 1)}){self.rng.choice('*+?')}"
        if kind < 0.92:
            return f"({inner}){self.rng.choice('*+?')}"
        arrow = self.rng.choice(["", "^"])
        chosen = self.rng.sample([":p0", ":int", ":p1", ":p2"], self.rng.randint(1, 3))
        return f"(!({'|'.join(arrow + predicate for predicate in chosen)})){self.rng.choice('*+?')}"

    def group(self, depth: int) -> str:
        """The inside of a group graph pattern."""
        parts = [self.element(depth) for _ in range(self.rng.randint(1, 3))]
        if self.chance(0.3):
            parts.append(f"FILTER({self.condition(2)})")
            self.rng.shuffle(parts)
        if self.chance(0.2):
            parts.append(f"BIND({self.expression(2)} AS {self.new_used()})")
        return " ".join(parts)

    def new_used(self) -> str:
        name = self.new()
        self.used.append(name)
        return name

    def element(self, depth: int) -> str:
        kind = self.rng.random() if depth and self.triples < 5 else self.rng.random() * 0.48
        if kind < 0.38:
            return " ".join(self.triple() for _ in range(self.rng.choice([1, 1, 2])))
        if kind < 0.44:
            self.triples += 1
            path = self.path()
            target = self.variable() if self.chance(0.8) else self.rng.choice(SUBJECTS)
            return f"{self.subject()} {path} {target} ."
        if kind < 0.48:
            return self.values()
        if kind < 0.62:
            return f"OPTIONAL {{ {self.group(depth - 1)} }}"
        if kind < 0.72:
            return f"{{ {self.group(depth - 1)} }} UNION {{ {self.group(depth - 1)} }}"
        if kind < 0.80 and not self.in_exists:
            return f"{self.triple()} MINUS {{ {self.group(depth - 1)} }}"
        if kind < 0.88:
            return self.graph(depth)
        if kind < 0.94:
            return f"{{ {self.group(depth - 1)} }}"
        return f"{{ {self.select(depth - 1, inner=True)} }}"

    def graph(self, depth: int) -> str:
        """GRAPH; with a variable only around triples."""
        if self.chance(0.4):
            return f"GRAPH {self.rng.choice(GRAPHS)} {{ {self.group(depth - 1)} }}"
        body = " ".join(self.triple() for _ in range(self.rng.randint(1, 2)))
        if self.chance(0.4):
            body += f" OPTIONAL {{ {self.triple()} }}"
        if self.chance(0.3):
            body += f" FILTER({self.condition(1)})"
        return f"GRAPH ?g {{ {body} }}"

    def values(self) -> str:
        names = list(dict.fromkeys(self.variable() for _ in range(self.rng.randint(1, 2))))
        rows = (
            "(" + " ".join("UNDEF" if self.chance(0.3) else self.likely() for _ in names) + ")"
            for _ in range(self.rng.randint(1, 4))
        )
        return f"VALUES ({' '.join(names)}) {{ {' '.join(rows)} }}"

    # --- expressions ------------------------------------------------------------------------------------------------

    def condition(self, depth: int) -> str:
        kind = self.rng.random()
        if depth and kind < 0.25:
            operator = self.rng.choice(["&&", "||"])
            return f"({self.condition(depth - 1)} {operator} {self.condition(depth - 1)})"
        if depth and kind < 0.33:
            return f"!({self.condition(depth - 1)})"
        if kind < 0.43 and not self.in_exists and self.triples < 6:
            self.in_exists += 1
            pattern = f"{self.rng.choice(['', 'NOT '])}EXISTS {{ {self.group(1)} }}"
            self.in_exists -= 1
            return pattern
        if kind < 0.55:
            return f"BOUND({self.known()})"
        if kind < 0.65:
            members = ", ".join(self.likely() for _ in range(self.rng.randint(1, 4)))
            return f"{self.known()} {self.rng.choice(['', 'NOT '])}IN ({members})"
        if kind < 0.72:
            name = self.rng.choice(["isIRI", "isLiteral", "isBlank", "isNumeric"])
            return f"{name}({self.known()})"
        if kind < 0.80:
            function = self.rng.choice(["REGEX", "CONTAINS", "STRSTARTS", "STRENDS"])
            needle = self.rng.choice(['"a"', '"1"', '"s"', '""'])
            return f"{function}(STR({self.known()}), {needle})"
        operator = self.rng.choice(["=", "!=", "<", "<=", ">", ">="])
        if operator in ("=", "!="):
            return f"{self.expression(1)} {operator} {self.expression(1)}"
        return f"{self.number()} {operator} {self.rng.choice([*INTEGERS, '1.5', '2.0E0'])}"

    def number(self) -> str:
        kind = self.rng.random()
        if kind < 0.4:
            return self.rng.choice([*INTEGERS, "1.5"])
        if kind < 0.8:
            return f"{self.known()} "
        return f"({self.known()} {self.rng.choice('+-*')} {self.rng.choice(['1', '2', '0.5'])})"

    def expression(self, depth: int) -> str:
        kind = self.rng.random() if depth else 0.0
        if kind < 0.35:
            return self.known()
        if kind < 0.5:
            return self.value()
        if kind < 0.6:
            return self.number()
        if kind < 0.7:
            return f"COALESCE({self.expression(depth - 1)}, {self.expression(depth - 1)})"
        if kind < 0.8:
            return f"IF({self.condition(0)}, {self.expression(depth - 1)}, {self.expression(depth - 1)})"
        if kind < 0.9:
            function = self.rng.choice(["STR", "DATATYPE", "LANG", "STRLEN", "UCASE"])
            return f"{function}({self.expression(depth - 1)})"
        return f"({self.condition(1)})"

    # --- queries ----------------------------------------------------------------------------------------------------

    def select(self, depth: int, *, inner: bool = False) -> str:
        """A SELECT query; its variables are those that its own group used."""
        outside, self.used = self.used, []
        kind = self.rng.random()
        if kind < 0.25:
            text, visible = self.grouped(depth)
        elif kind < 0.4 and not inner:
            text, visible = self.ordered(depth)
        else:
            body = self.group(depth)
            names = sorted(set(self.used)) or ["?a"]
            visible = self.rng.sample(names, self.rng.randint(1, len(names)))
            modifier = self.rng.choice(["", "", "DISTINCT "])
            text = f"SELECT {modifier}{' '.join(visible)} WHERE {{ {body} }}"
        self.used = outside + visible
        return text

    def grouped(self, depth: int) -> tuple[str, list[str]]:
        """GROUP BY with aggregates; MIN and MAX over a column of integers only."""
        body = self.group(depth)
        counted = self.new()
        body += f" OPTIONAL {{ {self.rng.choice(SUBJECTS)} :int {counted} }}"
        names = sorted(set(self.used)) or ["?a"]
        keys = self.rng.sample(names, min(len(names), self.rng.randint(0, 2)))
        aggregates = []
        visible = list(keys)
        for _ in range(self.rng.randint(1, 2)):
            name, distinct = self.new(), self.rng.choice(["", "DISTINCT "])
            call = self.rng.choice(
                [
                    "COUNT(*)",
                    f"COUNT({distinct}{self.rng.choice(names)})",
                    f"SUM({distinct}{counted})",
                    f"AVG({distinct}{counted})",
                    f"MIN({counted})",
                    f"MAX({counted})",
                    f"SUM({self.rng.choice(names)})",
                ]
            )
            aggregates.append(f"({call} AS {name})")
            visible.append(name)
        grouping = f" GROUP BY {' '.join(keys)}" if keys else ""
        having = (
            f" HAVING (COUNT(*) {self.rng.choice(['>', '<='])} {self.rng.randint(0, 3)})" if self.chance(0.3) else ""
        )
        return f"SELECT {' '.join([*keys, *aggregates])} WHERE {{ {body} }}{grouping}{having}", visible

    def ordered(self, depth: int) -> tuple[str, list[str]]:
        """ORDER BY and a slice, over columns of one kind that together are a total order."""
        extra = "OPTIONAL { ?b :int ?n2 }" if self.chance(0.5) else ""
        body = f"?a :int ?n . ?a {self.rng.choice(LINKS)} ?b FILTER(isIRI(?b)) {extra}"
        if depth and self.chance(0.5):
            body += f" FILTER({self.rng.choice(['?n > 0', '?n != 2', 'EXISTS { ?b :int ?m }', '!BOUND(?z)'])})"
        names = ["?a", "?b", "?n", *(["?n2"] if extra else [])]
        self.rng.shuffle(names)
        order = " ".join(self.rng.choice([f"DESC({n})", n, f"ASC({n})"]) for n in names)
        distinct = self.rng.choice(["", "DISTINCT "])
        slices = f" LIMIT {self.rng.randint(0, 6)}" if self.chance(0.7) else ""
        slices += f" OFFSET {self.rng.randint(0, 3)}" if self.chance(0.5) else ""
        text = f"SELECT {distinct}{' '.join(names)} WHERE {{ {body} }} ORDER BY {order}{slices}"
        return text, names

    def query(self) -> str:
        """A whole query."""
        return PREFIXES + self.select(self.rng.choice([1, 2, 2]))


def draw(seed: int) -> tuple[str, str]:
    """The data (TriG) and the query of a seed.

    Queries of ten seeds in a row share their data.
    """
    data = Fuzz(random.Random(f"data {seed // 10}")).data()
    return data, Fuzz(random.Random(f"query {seed}")).query()
