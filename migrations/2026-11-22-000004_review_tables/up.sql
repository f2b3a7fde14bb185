CREATE TABLE review_tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    episode_id TEXT NOT NULL REFERENCES episodes (episode_id),
    stage TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('pending', 'in_review', 'approved', 'rejected', 'changes_requested')),
    artifact_paths TEXT NOT NULL CHECK (json_valid(artifact_paths)),
    diff_path TEXT,
    prompt_version_id BIGINT REFERENCES prompt_versions (id),
    created_at TEXT NOT NULL,
    reviewed_at TEXT,
    reviewer_notes TEXT,
    artifact_hash TEXT
);
CREATE INDEX ix_review_tasks_episode ON review_tasks (episode_id, stage);
CREATE INDEX ix_review_tasks_status ON review_tasks (status);

CREATE TABLE review_decisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    review_task_id BIGINT NOT NULL REFERENCES review_tasks (id),
    decision TEXT NOT NULL
        CHECK (decision IN ('pending', 'in_review', 'approved', 'rejected', 'changes_requested')),
    notes TEXT,
    decided_at TEXT NOT NULL
);
CREATE INDEX ix_review_decisions_task ON review_decisions (review_task_id);
