# SPDX-License-Identifier: Apache-2.0
"""``semcube.open``: whatever can be asked, opened by its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from semcube.store.result import Result
from semcube.store.store import Store

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from semcube.config import Settings
    from semcube.sparql.query import QueryOptions

__all__ = ["Endpoint", "open"]


class Endpoint:
    """A remote SPARQL endpoint that is asked like a store.

    Args:
        url: Its address.
    """

    def __init__(self, url: str) -> None:
        from semcube.sparql.remote import RemoteDataset

        self.url = url
        self.dataset = RemoteDataset(url)

    def query(self, text: str, **options: Unpack[QueryOptions]) -> Result:
        """Ask a query; what the endpoint cannot do (GeoSPARQL functions, say) is done here."""
        from semcube.sparql.query import execute

        return Result(execute(text, self.dataset, **options))

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r})"


def open(  # noqa: A001 - the word users know
    source: str | Path | None = None,
    *,
    create: bool = False,
    read_only: bool = False,
    settings: Settings | None = None,
) -> Store | Endpoint:
    """Open a store, a file or an endpoint.

    Args:
        source: The folder of a store; the URL of an endpoint; a file (RDF, or vector data that is mapped), which is
            loaded into a store in memory; nothing for an empty store in memory.
        create: Make an empty store where the folder has none.
        read_only: Refuse changes; other processes may read the store at the same time.
        settings: Threads and memory.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, open(folder + "/store", create=True) as store:
        ...     len(store)
        0
    """
    if source is None:
        return Store.in_memory(settings=settings)
    text = str(source)
    if text.startswith(("http://", "https://")):
        return Endpoint(text)
    if Path(source).is_file():
        store = Store.in_memory(settings=settings)
        store.load(source)
        return store
    return Store.open(source, create=create, read_only=read_only, settings=settings)
