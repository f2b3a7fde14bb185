DROP TABLE chunks_fts;
DROP TABLE chunks;
DROP TABLE content_artifacts;
DROP TABLE pipeline_runs;
DROP TABLE episodes;
DROP TABLE channels;
