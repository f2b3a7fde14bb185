CREATE TABLE media_assets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    episode_id TEXT NOT NULL,
    asset_type TEXT NOT NULL CHECK (asset_type IN ('image', 'audio', 'video')),
    chapter_id TEXT,
    file_path TEXT,
    mime_type TEXT,
    size_bytes INTEGER,
    duration_seconds REAL,
    metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata)),
    prompt_version_id INTEGER REFERENCES prompt_versions (id),
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX ix_media_assets_episode ON media_assets (episode_id, asset_type, chapter_id);
-- One current picture per chapter.
CREATE UNIQUE INDEX ux_media_assets_image ON media_assets (episode_id, chapter_id) WHERE asset_type = 'image';
