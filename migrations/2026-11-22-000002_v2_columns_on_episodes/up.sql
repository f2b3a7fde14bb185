-- An episode from before v2 stays v1: that is the default, not the setting's 2.
ALTER TABLE episodes ADD COLUMN pipeline_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE episodes ADD COLUMN review_status TEXT;
ALTER TABLE episodes ADD COLUMN youtube_video_id TEXT;
ALTER TABLE episodes ADD COLUMN published_at_youtube TEXT;
