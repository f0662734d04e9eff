# SPDX-License-Identifier: Apache-2.0
"""semcube: the store of this project, from text of the query to decoded terms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.drivers.base import Driver, main
from semcube.config import Settings
from semcube.store import Store


class Semcube(Driver):
    """Data in a store; answers as batches of decoded terms."""

    def load(self, data: Path) -> None:
        with Store.open(self.folder / "store", create=True, settings=Settings(threads=self.threads)) as store:
            store.load(data)

    def open(self) -> None:
        self.store = Store.open(self.folder / "store", settings=Settings(threads=self.threads))

    def run(self, query: dict[str, Any]) -> int:
        with self.store.query(query["texts"]["filter"]) as result:
            return sum(batch[0].num_rows for batch in result._answer.terms())

    def rows(self, query: dict[str, Any]) -> Iterator[tuple[str | None, ...]]:
        with self.store.query(query["texts"]["filter"]) as result:
            for terms in result._answer.terms():
                yield from zip(*(column["lexical"].to_pylist() for column in terms), strict=True)

    def close(self) -> None:
        if hasattr(self, "store"):
            self.store.close()


if __name__ == "__main__":
    main(Semcube)
