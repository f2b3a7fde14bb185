ALTER TABLE episodes DROP COLUMN published_at_youtube;
ALTER TABLE episodes DROP COLUMN youtube_video_id;
ALTER TABLE episodes DROP COLUMN review_status;
ALTER TABLE episodes DROP COLUMN pipeline_version;
