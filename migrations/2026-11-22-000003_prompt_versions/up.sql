CREATE TABLE prompt_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    content_hash TEXT NOT NULL,
    template_path TEXT,
    model TEXT,
    temperature REAL,
    max_tokens BIGINT,
    is_default BOOLEAN NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
    created_at TEXT NOT NULL,
    notes TEXT,
    body TEXT NOT NULL,
    UNIQUE (name, version),
    UNIQUE (name, content_hash)
);
CREATE UNIQUE INDEX ux_prompt_versions_default ON prompt_versions (name) WHERE is_default = 1;
