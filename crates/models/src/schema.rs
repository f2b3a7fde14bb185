//! What the tables look like to Diesel; a test compares it with the migrated database.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    channels (id) {
        id -> BigInt,
        channel_id -> Text,
        name -> Text,
        youtube_channel_id -> Nullable<Text>,
        rss_url -> Nullable<Text>,
        is_active -> Bool,
        created_at -> Text,
        updated_at -> Text,
    }
}

table! {
    episodes (id) {
        id -> BigInt,
        episode_id -> Text,
        channel_id -> Nullable<Text>,
        source -> Text,
        title -> Text,
        published_at -> Nullable<Text>,
        duration_seconds -> Nullable<BigInt>,
        url -> Nullable<Text>,
        status -> Text,
        audio_path -> Nullable<Text>,
        transcript_path -> Nullable<Text>,
        output_dir -> Nullable<Text>,
        detected_at -> Text,
        completed_at -> Nullable<Text>,
        error_message -> Nullable<Text>,
        retry_count -> Integer,
        pipeline_version -> Integer,
        review_status -> Nullable<Text>,
        youtube_video_id -> Nullable<Text>,
        published_at_youtube -> Nullable<Text>,
    }
}

table! {
    pipeline_runs (id) {
        id -> BigInt,
        episode_id -> BigInt,
        stage -> Text,
        status -> Text,
        started_at -> Text,
        completed_at -> Nullable<Text>,
        input_tokens -> BigInt,
        output_tokens -> BigInt,
        estimated_cost_usd -> Double,
        error_message -> Nullable<Text>,
    }
}

table! {
    content_artifacts (id) {
        id -> BigInt,
        episode_id -> Text,
        artifact_type -> Text,
        file_path -> Text,
        model -> Nullable<Text>,
        prompt_hash -> Nullable<Text>,
        retrieval_snapshot_path -> Nullable<Text>,
        created_at -> Text,
    }
}

table! {
    chunks (id) {
        id -> BigInt,
        episode_id -> Text,
        chunk_index -> Integer,
        text -> Text,
        start_seconds -> Nullable<Double>,
        end_seconds -> Nullable<Double>,
    }
}

table! {
    prompt_versions (id) {
        id -> BigInt,
        name -> Text,
        version -> Integer,
        content_hash -> Text,
        template_path -> Nullable<Text>,
        model -> Nullable<Text>,
        temperature -> Nullable<Double>,
        max_tokens -> Nullable<BigInt>,
        is_default -> Bool,
        created_at -> Text,
        notes -> Nullable<Text>,
        body -> Text,
    }
}

table! {
    review_tasks (id) {
        id -> BigInt,
        episode_id -> Text,
        stage -> Text,
        status -> Text,
        artifact_paths -> Text,
        diff_path -> Nullable<Text>,
        prompt_version_id -> Nullable<BigInt>,
        created_at -> Text,
        reviewed_at -> Nullable<Text>,
        reviewer_notes -> Nullable<Text>,
        artifact_hash -> Nullable<Text>,
    }
}

table! {
    review_decisions (id) {
        id -> BigInt,
        review_task_id -> BigInt,
        decision -> Text,
        notes -> Nullable<Text>,
        decided_at -> Text,
    }
}

table! {
    media_assets (id) {
        id -> BigInt,
        episode_id -> Text,
        asset_type -> Text,
        chapter_id -> Nullable<Text>,
        file_path -> Nullable<Text>,
        mime_type -> Nullable<Text>,
        size_bytes -> Nullable<BigInt>,
        duration_seconds -> Nullable<Double>,
        metadata -> Nullable<Text>,
        prompt_version_id -> Nullable<BigInt>,
        created_at -> Nullable<Text>,
    }
}

table! {
    provider_calls (call_id) {
        call_id -> Text,
        episode_id -> BigInt,
        run_id -> Nullable<BigInt>,
        stage -> Text,
        chapter_id -> Nullable<Text>,
        kind -> Text,
        model -> Text,
        request_hash -> Text,
        state -> Text,
        estimated_micros -> BigInt,
        actual_micros -> Nullable<BigInt>,
        tokens_in -> Nullable<BigInt>,
        tokens_out -> Nullable<BigInt>,
        reply -> Nullable<Text>,
        request_id -> Nullable<Text>,
        sent_at -> Text,
        settled_at -> Nullable<Text>,
        error -> Nullable<Text>,
    }
}

joinable!(pipeline_runs -> episodes (episode_id));
joinable!(provider_calls -> episodes (episode_id));
joinable!(review_decisions -> review_tasks (review_task_id));
allow_tables_to_appear_in_same_query!(episodes, pipeline_runs);
allow_tables_to_appear_in_same_query!(episodes, provider_calls);
allow_tables_to_appear_in_same_query!(review_tasks, review_decisions);
allow_tables_to_appear_in_same_query!(review_tasks, episodes);
