-- What every version of the pipeline needs. `chunks` is v1's.

CREATE TABLE channels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    youtube_channel_id TEXT,
    rss_url TEXT,
    is_active BOOLEAN NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

-- No CHECK on `status` and on the `stage` columns: those sets grow, and SQLite
-- can't change a CHECK without building the table anew.
CREATE TABLE episodes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    episode_id TEXT NOT NULL UNIQUE,
    channel_id TEXT,
    source TEXT NOT NULL,
    title TEXT NOT NULL,
    published_at TEXT,
    duration_seconds BIGINT,
    url TEXT,
    status TEXT NOT NULL,
    audio_path TEXT,
    transcript_path TEXT,
    output_dir TEXT,
    detected_at TEXT NOT NULL,
    completed_at TEXT,
    error_message TEXT,
    retry_count INTEGER NOT NULL DEFAULT 0 CHECK (retry_count >= 0)
);
CREATE INDEX ix_episodes_status ON episodes (status);

CREATE TABLE pipeline_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    episode_id BIGINT NOT NULL REFERENCES episodes (id),
    stage TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'success', 'failed')),
    started_at TEXT NOT NULL,
    completed_at TEXT,
    input_tokens BIGINT NOT NULL DEFAULT 0,
    output_tokens BIGINT NOT NULL DEFAULT 0,
    estimated_cost_usd REAL NOT NULL DEFAULT 0,
    error_message TEXT
);
CREATE INDEX ix_pipeline_runs_episode ON pipeline_runs (episode_id, stage);

CREATE TABLE content_artifacts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    episode_id TEXT NOT NULL REFERENCES episodes (episode_id),
    artifact_type TEXT NOT NULL,
    file_path TEXT NOT NULL,
    model TEXT,
    prompt_hash TEXT,
    retrieval_snapshot_path TEXT,
    created_at TEXT NOT NULL
);
CREATE INDEX ix_content_artifacts_episode ON content_artifacts (episode_id, artifact_type);

CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    episode_id TEXT NOT NULL REFERENCES episodes (episode_id),
    chunk_index INTEGER NOT NULL,
    text TEXT NOT NULL,
    start_seconds REAL,
    end_seconds REAL,
    UNIQUE (episode_id, chunk_index)
);

-- The index holds no text of its own; the triggers keep it in step with the table.
CREATE VIRTUAL TABLE chunks_fts USING fts5 (text, content = 'chunks', content_rowid = 'id');

CREATE TRIGGER chunks_after_insert AFTER INSERT ON chunks BEGIN
    INSERT INTO chunks_fts (rowid, text) VALUES (new.id, new.text);
END;

CREATE TRIGGER chunks_after_delete AFTER DELETE ON chunks BEGIN
    INSERT INTO chunks_fts (chunks_fts, rowid, text) VALUES ('delete', old.id, old.text);
END;

CREATE TRIGGER chunks_after_update AFTER UPDATE ON chunks BEGIN
    INSERT INTO chunks_fts (chunks_fts, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO chunks_fts (rowid, text) VALUES (new.id, new.text);
END;
