"""One table of JSON documents: add, get, save, delete, find."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

Document = dict[str, Any]
"""A stored thing as JSON-ready Python; its ``id`` is the row's."""

_LARGEST_ID = 2**63 - 1


def packed(value: Any) -> str:
    """Return ``value`` as the compact JSON that the store keeps."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class Table:
    """Documents of one kind, inside a transaction.

    Parameters
    ----------
    connection
        The transaction's connection.
    name
        The table; one of the package's own, never from outside.
    columns
        Fields of a document that are real columns (foreign keys) beside ``doc``.
    """

    def __init__(
        self, connection: sqlite3.Connection, name: str, columns: tuple[str, ...] = ()
    ) -> None:
        self._connection = connection
        self._name = name
        self._columns = columns
        self._selected = ", ".join(("id", *columns, "doc"))

    def _document(self, row: Sequence[Any]) -> Document:
        document: Document = json.loads(row[-1])
        document["id"] = row[0]
        document.update(zip(self._columns, row[1:-1], strict=True))
        return document

    def _body(self, document: Document) -> str:
        left_out = {"id", *self._columns}
        return packed({key: value for key, value in document.items() if key not in left_out})

    def add(self, document: Document) -> Document:
        """Store a new document and return it with its ``id`` (given, or the next number)."""
        names = [name for name in ("id", *self._columns) if name in document]
        values = [document[name] for name in names] + [self._body(document)]
        marks = ", ".join("?" * len(values))
        cursor = self._connection.execute(
            f"INSERT INTO {self._name} ({', '.join([*names, 'doc'])}) VALUES ({marks})",  # noqa: S608
            values,
        )
        return document if "id" in document else {"id": cursor.lastrowid, **document}

    def save(self, document: Document) -> Document:
        """Replace the stored document that has this ``id``."""
        assignments = ", ".join(f"{name} = ?" for name in (*self._columns, "doc"))
        values = [document[name] for name in self._columns]
        self._connection.execute(
            f"UPDATE {self._name} SET {assignments} WHERE id = ?",  # noqa: S608
            [*values, self._body(document), document["id"]],
        )
        return document

    def delete(self, identifier: int | str) -> None:
        """Remove the document with this ``id``, if there is one."""
        self._connection.execute(f"DELETE FROM {self._name} WHERE id = ?", [identifier])  # noqa: S608

    def get(self, identifier: int | str | None) -> Document | None:
        """Return the document with this ``id``, or None."""
        if identifier is None:
            return None
        if isinstance(identifier, int) and not 0 <= identifier <= _LARGEST_ID:
            return None
        return self.first("id = ?", [identifier])

    def first(self, where: str, parameters: Sequence[Any] = ()) -> Document | None:
        """Return one document that meets the condition, or None."""
        row = self._connection.execute(
            f"SELECT {self._selected} FROM {self._name} WHERE {where} LIMIT 1",  # noqa: S608
            list(parameters),
        ).fetchone()
        return self._document(row) if row else None

    def find(
        self,
        where: str = "TRUE",
        parameters: Sequence[Any] = (),
        *,
        order: str = "id",
        limit: int = -1,
        offset: int = 0,
    ) -> Iterator[Document]:
        """Yield the documents that meet the condition.

        Parameters
        ----------
        where, order
            SQL written by this package; values from outside go through ``parameters``.
        parameters
            Values for the condition's question marks.
        limit, offset
            A page of the matches; every match, whatever the offset, when the limit is negative.
        """
        if limit >= 0:
            # The page is found first and read then: sorting carries ids, not documents.
            where = (
                f"id IN (SELECT id FROM {self._name} WHERE {where} "  # noqa: S608
                f"ORDER BY {order} LIMIT ? OFFSET ?)"
            )
            parameters = [*parameters, min(limit, _LARGEST_ID), min(offset, _LARGEST_ID)]
        rows = self._connection.execute(
            f"SELECT {self._selected} FROM {self._name} WHERE {where} ORDER BY {order}",  # noqa: S608
            list(parameters),
        )
        return map(self._document, rows.fetchall())

    def count(self, where: str = "TRUE", parameters: Sequence[Any] = ()) -> int:
        """Return how many documents meet the condition."""
        row = self._connection.execute(
            f"SELECT count(*) FROM {self._name} WHERE {where}",  # noqa: S608
            list(parameters),
        ).fetchone()
        return int(row[0])
