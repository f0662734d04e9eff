# SPDX-License-Identifier: Apache-2.0
"""The driver of the store of this package: from the text of a query to decoded terms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semcube.bench.driver import Driver, folder_bytes, main
from semcube.config import Settings
from semcube.sparql.query import execute
from semcube.store import Store

if TYPE_CHECKING:
    import pyarrow as pa


class StoreDriver(Driver):
    """Data in a store; answers as batches of decoded terms.

    Args:
        job: With ``store``, the folder of the store; inside the job's folder if it is not given.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        super().__init__(job)
        self.path = Path(job.get("store") or self.folder / "store")
        self.settings = Settings(threads=self.threads)

    def load(self, data: Path) -> None:
        """Load a file, in one transaction."""
        with Store.open(self.path, create=True, settings=self.settings) as store:
            store.load(data)

    def open(self) -> None:
        """Open the store for reading only."""
        self.store = Store.open(self.path, read_only=True, settings=self.settings)

    def run(self, query: dict[str, Any]) -> int:
        """Ask a query and decode its whole answer."""
        return sum(columns[0].num_rows for columns in self._answer(query))

    def rows(self, query: dict[str, Any]) -> Iterator[tuple[str | None, ...]]:
        """The lexical forms of an answer."""
        for columns in self._answer(query):
            yield from zip(*(column["lexical"].to_pylist() for column in columns), strict=True)

    def _answer(self, query: dict[str, Any]) -> Iterator[list[pa.RecordBatch]]:
        with self.store.snapshot() as snapshot:
            yield from execute(query["texts"]["filter"], snapshot, settings=self.settings).terms()

    def size(self) -> int:
        """Bytes of the store."""
        return folder_bytes(self.path)

    def close(self) -> None:
        """Close the store."""
        if hasattr(self, "store"):
            self.store.close()


if __name__ == "__main__":
    main(StoreDriver)
