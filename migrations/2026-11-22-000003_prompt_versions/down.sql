DROP TABLE prompt_versions;
