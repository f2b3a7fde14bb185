-- The ledger: one row for each attempt at a paid call, written before it is sent.
-- Amounts are whole micro-dollars.
CREATE TABLE provider_calls (
    call_id TEXT PRIMARY KEY NOT NULL,
    episode_id INTEGER NOT NULL REFERENCES episodes (id),
    run_id INTEGER REFERENCES pipeline_runs (id),
    stage TEXT NOT NULL,
    chapter_id TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('text', 'image', 'speech')),
    model TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('sent', 'answered', 'refused', 'failed', 'unknown')),
    estimated_micros BIGINT NOT NULL CHECK (estimated_micros >= 0),
    actual_micros BIGINT CHECK (actual_micros >= 0),
    tokens_in BIGINT,
    tokens_out BIGINT,
    reply TEXT,
    request_id TEXT,
    sent_at TEXT NOT NULL,
    settled_at TEXT,
    error TEXT
);
CREATE INDEX ix_provider_calls_episode_state ON provider_calls (episode_id, state);
CREATE INDEX ix_provider_calls_episode_request ON provider_calls (episode_id, request_hash);
CREATE INDEX ix_provider_calls_run ON provider_calls (run_id);
