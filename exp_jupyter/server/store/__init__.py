"""The project's memory: a folder with SQLite for metadata, every write one transaction."""

from exp_jupyter.server.store.failures import check_command, damaged, full, store_error
from exp_jupyter.server.store.project_store import DATABASE, ProjectStore, damage_in
from exp_jupyter.server.store.table import Document, Table, packed
from exp_jupyter.server.store.work import Work

__all__ = [
    "DATABASE",
    "Document",
    "ProjectStore",
    "Table",
    "Work",
    "check_command",
    "damage_in",
    "damaged",
    "full",
    "packed",
    "store_error",
]
