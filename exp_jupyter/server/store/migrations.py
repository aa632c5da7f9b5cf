"""The tables of a project, as numbered steps from an empty file to the present version.

A document is JSON in ``doc``; what is looked up or sorted by is a generated column beside it, so
the two cannot drift. A step that was released is never edited: a change is a new step at the end.
"""

from __future__ import annotations

_FIRST = """
CREATE TABLE project (
    id INTEGER PRIMARY KEY CHECK (id > 0),
    doc TEXT NOT NULL CHECK (json_valid(doc))
);

CREATE TABLE people (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc TEXT NOT NULL CHECK (json_valid(doc)),
    email TEXT GENERATED ALWAYS AS (json_extract(doc, '$.email')) STORED UNIQUE
);

CREATE TABLE keys (
    hash TEXT PRIMARY KEY,
    person_id INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    scopes TEXT NOT NULL CHECK (json_valid(scopes)),
    created_at TEXT NOT NULL,
    revoked_at TEXT
) WITHOUT ROWID;

CREATE TABLE flags (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc TEXT NOT NULL CHECK (json_valid(doc)),
    key TEXT GENERATED ALWAYS AS (json_extract(doc, '$.key')) STORED,
    name TEXT GENERATED ALWAYS AS (json_extract(doc, '$.name')) STORED,
    active INTEGER GENERATED ALWAYS AS (json_extract(doc, '$.active')) STORED,
    archived INTEGER GENERATED ALWAYS AS (json_extract(doc, '$.archived')) STORED,
    deleted INTEGER GENERATED ALWAYS AS (json_extract(doc, '$.deleted')) STORED,
    created_at TEXT GENERATED ALWAYS AS (json_extract(doc, '$.created_at')) STORED,
    created_by INTEGER GENERATED ALWAYS AS (json_extract(doc, '$.created_by')) STORED,
    evaluation_runtime TEXT
        GENERATED ALWAYS AS (json_extract(doc, '$.evaluation_runtime')) STORED,
    context_count INTEGER GENERATED ALWAYS AS (
        coalesce(json_array_length(doc, '$.evaluation_contexts'), 0)) STORED,
    variant_count INTEGER GENERATED ALWAYS AS (
        coalesce(json_array_length(doc, '$.filters.multivariate.variants'), 0)) STORED,
    eligible INTEGER GENERATED ALWAYS AS (coalesce(
        json_array_length(doc, '$.filters.multivariate.variants') >= 2
        AND json_extract(doc, '$.filters.multivariate.variants[0].key') = 'control', 0)) STORED
);
CREATE UNIQUE INDEX flags_by_key ON flags (key) WHERE NOT deleted;
CREATE INDEX flags_by_creation ON flags (deleted, archived, created_at, id, key, name);
CREATE INDEX flags_by_eligibility ON flags (deleted, eligible, created_at, id, key, name);

CREATE TABLE holdouts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc TEXT NOT NULL CHECK (json_valid(doc)),
    created_at TEXT GENERATED ALWAYS AS (json_extract(doc, '$.created_at')) STORED
);

CREATE TABLE experiments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    flag_id INTEGER NOT NULL REFERENCES flags (id),
    holdout_id INTEGER REFERENCES holdouts (id),
    doc TEXT NOT NULL CHECK (json_valid(doc)),
    name TEXT GENERATED ALWAYS AS (json_extract(doc, '$.name')) STORED,
    start_date TEXT GENERATED ALWAYS AS (json_extract(doc, '$.start_date')) STORED,
    end_date TEXT GENERATED ALWAYS AS (json_extract(doc, '$.end_date')) STORED,
    archived INTEGER GENERATED ALWAYS AS (json_extract(doc, '$.archived')) STORED,
    deleted INTEGER GENERATED ALWAYS AS (json_extract(doc, '$.deleted')) STORED,
    created_at TEXT GENERATED ALWAYS AS (json_extract(doc, '$.created_at')) STORED,
    updated_at TEXT GENERATED ALWAYS AS (json_extract(doc, '$.updated_at')) STORED,
    created_by INTEGER GENERATED ALWAYS AS (json_extract(doc, '$.created_by')) STORED,
    prompt_name TEXT GENERATED ALWAYS AS (
        json_extract(doc, '$.parameters.prompt_metadata.name')) STORED
);
CREATE INDEX experiments_by_creation ON experiments (deleted, archived, created_at, id);
CREATE INDEX experiments_by_flag ON experiments (flag_id);
CREATE INDEX experiments_by_holdout ON experiments (holdout_id);

CREATE TABLE saved_metrics (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc TEXT NOT NULL CHECK (json_valid(doc)),
    name TEXT GENERATED ALWAYS AS (json_extract(doc, '$.name')) STORED COLLATE NOCASE UNIQUE
);

CREATE TABLE saved_metric_links (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    experiment_id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    saved_metric_id INTEGER NOT NULL REFERENCES saved_metrics (id) ON DELETE CASCADE,
    doc TEXT NOT NULL CHECK (json_valid(doc))
);
CREATE INDEX saved_metric_links_by_experiment ON saved_metric_links (experiment_id);
CREATE INDEX saved_metric_links_by_metric ON saved_metric_links (saved_metric_id);

CREATE TABLE prompts (
    id TEXT PRIMARY KEY,
    doc TEXT NOT NULL CHECK (json_valid(doc)),
    name TEXT GENERATED ALWAYS AS (json_extract(doc, '$.name')) STORED,
    version INTEGER GENERATED ALWAYS AS (json_extract(doc, '$.version')) STORED,
    deleted INTEGER GENERATED ALWAYS AS (json_extract(doc, '$.deleted')) STORED,
    created_at TEXT GENERATED ALWAYS AS (json_extract(doc, '$.created_at')) STORED
);
CREATE UNIQUE INDEX prompts_by_version ON prompts (name, version) WHERE NOT deleted;

CREATE TABLE actions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc TEXT NOT NULL CHECK (json_valid(doc)),
    name TEXT GENERATED ALWAYS AS (json_extract(doc, '$.name')) STORED,
    deleted INTEGER GENERATED ALWAYS AS (json_extract(doc, '$.deleted')) STORED
);

CREATE TABLE event_definitions (
    name TEXT PRIMARY KEY,
    first_seen TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE metric_results (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    experiment_id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    metric_uuid TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    query_from TEXT NOT NULL,
    query_to TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'failed')),
    result TEXT CHECK (result IS NULL OR json_valid(result)),
    completed_at TEXT,
    error_message TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (experiment_id, metric_uuid, fingerprint, query_to)
);

CREATE TABLE recalculations (
    id TEXT PRIMARY KEY,
    experiment_id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    doc TEXT NOT NULL CHECK (json_valid(doc)),
    kind TEXT GENERATED ALWAYS AS (json_extract(doc, '$.kind')) STORED,
    fingerprint TEXT GENERATED ALWAYS AS (json_extract(doc, '$.fingerprint')) STORED,
    status TEXT GENERATED ALWAYS AS (json_extract(doc, '$.status')) STORED,
    created_at TEXT GENERATED ALWAYS AS (json_extract(doc, '$.created_at')) STORED
);
CREATE INDEX recalculations_by_experiment ON recalculations (experiment_id, created_at);

CREATE TABLE approval_policies (
    id TEXT PRIMARY KEY,
    doc TEXT NOT NULL CHECK (json_valid(doc)),
    action_key TEXT GENERATED ALWAYS AS (json_extract(doc, '$.action_key')) STORED UNIQUE,
    enabled INTEGER GENERATED ALWAYS AS (json_extract(doc, '$.enabled')) STORED,
    created_at TEXT GENERATED ALWAYS AS (json_extract(doc, '$.created_at')) STORED
);

CREATE TABLE change_requests (
    id TEXT PRIMARY KEY,
    doc TEXT NOT NULL CHECK (json_valid(doc)),
    action_key TEXT GENERATED ALWAYS AS (json_extract(doc, '$.action_key')) STORED,
    state TEXT GENERATED ALWAYS AS (json_extract(doc, '$.state')) STORED,
    flag_id INTEGER GENERATED ALWAYS AS (json_extract(doc, '$.intent.flag_id')) STORED,
    flag_key TEXT GENERATED ALWAYS AS (json_extract(doc, '$.intent.flag_key')) STORED,
    created_by INTEGER GENERATED ALWAYS AS (json_extract(doc, '$.created_by')) STORED,
    created_at TEXT GENERATED ALWAYS AS (json_extract(doc, '$.created_at')) STORED
);
CREATE INDEX change_requests_by_creation ON change_requests (created_at);
CREATE INDEX change_requests_open ON change_requests (action_key, state);

CREATE TABLE votes (
    id TEXT PRIMARY KEY,
    change_request_id TEXT NOT NULL REFERENCES change_requests (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES people (id),
    doc TEXT NOT NULL CHECK (json_valid(doc)),
    created_at TEXT GENERATED ALWAYS AS (json_extract(doc, '$.created_at')) STORED,
    UNIQUE (change_request_id, person_id)
);
"""

_EVENTS = """
CREATE TABLE event_parts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file TEXT NOT NULL UNIQUE,
    rows INTEGER NOT NULL CHECK (rows > 0),
    first_at TEXT NOT NULL,
    last_at TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    created_at TEXT NOT NULL
);

CREATE TABLE person_overrides (
    old_person_id INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL
);
"""

_IDENTIFIED = """
CREATE TABLE identified_persons (
    person_id INTEGER PRIMARY KEY
);
"""

_COHORTS = """
CREATE TABLE cohorts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc TEXT NOT NULL CHECK (json_valid(doc)),
    name TEXT GENERATED ALWAYS AS (json_extract(doc, '$.name')) STORED,
    created_at TEXT GENERATED ALWAYS AS (json_extract(doc, '$.created_at')) STORED
);

CREATE TABLE cohort_members (
    cohort_id INTEGER NOT NULL REFERENCES cohorts (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL,
    PRIMARY KEY (cohort_id, person_id)
) WITHOUT ROWID;
CREATE INDEX cohort_members_by_person ON cohort_members (person_id);
"""

_TABLES = """
CREATE TABLE warehouse_tables (
    name TEXT PRIMARY KEY,
    file TEXT NOT NULL UNIQUE,
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    created_at TEXT NOT NULL
) WITHOUT ROWID;
"""

_RETIRED = """
CREATE TABLE retired_files (
    file TEXT PRIMARY KEY,
    retired_at TEXT NOT NULL
) WITHOUT ROWID;

ALTER TABLE event_parts ADD COLUMN sha256 TEXT;
"""

_ACTIVITY = """
CREATE TABLE activity (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc TEXT NOT NULL CHECK (json_valid(doc)),
    scope TEXT GENERATED ALWAYS AS (json_extract(doc, '$.scope')) STORED,
    kind TEXT GENERATED ALWAYS AS (json_extract(doc, '$.kind')) STORED,
    item_id INTEGER GENERATED ALWAYS AS (json_extract(doc, '$.item_id')) STORED
);
CREATE INDEX activity_by_item ON activity (scope, kind, item_id, id);
"""

_MERGED = """
CREATE INDEX person_overrides_by_person ON person_overrides (person_id);
"""

MIGRATIONS: tuple[str, ...] = (
    _FIRST,
    _EVENTS,
    _IDENTIFIED,
    _COHORTS,
    _TABLES,
    _RETIRED,
    _ACTIVITY,
    _MERGED,
)
"""Step number i (from 1) takes a file from version i - 1 to version i."""

VERSION = len(MIGRATIONS)
"""The version this package writes."""
