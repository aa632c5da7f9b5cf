"""The project's memory: a folder with SQLite for metadata, every write one transaction."""

from exp_jupyter.server.store.project_store import ProjectStore
from exp_jupyter.server.store.table import Document, Table, packed
from exp_jupyter.server.store.work import Work

__all__ = ["Document", "ProjectStore", "Table", "Work", "packed"]
