//! Episodes are found, listed, filtered and moved on; runs have an end.

use btcedu_domain::{EpisodeRowId, EpisodeStatus, PipelineVersion, RunStatus, Stage};
use btcedu_models::{
    DbError,
    episodes::{self, EpisodeFilter, NewEpisode},
    pipeline_runs, testing,
};
use proptest::prelude::*;

use crate::{fixture, time};

#[test]
fn what_was_written_is_read_back() {
    let fixture = fixture();
    let id = "-QuuHAnujxk".parse().unwrap();
    let new = NewEpisode {
        episode_id: &id,
        channel_id: Some("tabconf"),
        source: "youtube_rss",
        title: "Was ist Geld? İçerik, ğüşıöç ß",
        published_at: Some(time("2026-11-01T08:00:00Z")),
        duration_seconds: Some(3_000_000_000),
        url: Some("https://example.org/watch?v=-QuuHAnujxk"),
        status: EpisodeStatus::New,
        output_dir: Some("outputs/-QuuHAnujxk"),
        detected_at: time("2026-11-22T10:30:00.125Z"),
        pipeline_version: PipelineVersion::V1,
    };
    let inserted = fixture.run(|conn| episodes::insert(conn, &new));
    let found = fixture.run(|conn| episodes::find(conn, &id)).unwrap();
    assert_eq!(found, inserted);
    assert_eq!(
        (found.title.as_str(), found.detected_at, found.duration_seconds, found.pipeline_version),
        (new.title, new.detected_at, new.duration_seconds, PipelineVersion::V1)
    );
    assert_eq!((found.retry_count, found.error_message, found.review_status), (0, None, None));
    assert_eq!(fixture.run(|conn| episodes::find(conn, &"other".parse().unwrap())), None);
}

#[test]
fn an_id_that_exists_is_refused() {
    let fixture = fixture();
    let first = fixture.episode("abc123", EpisodeStatus::New);
    let new = NewEpisode {
        episode_id: &first.episode_id,
        channel_id: None,
        source: "local",
        title: "again",
        published_at: None,
        duration_seconds: None,
        url: None,
        status: EpisodeStatus::New,
        output_dir: None,
        detected_at: testing::time(),
        pipeline_version: PipelineVersion::V2,
    };
    let error = testing::run(&fixture.db, |conn| episodes::insert(conn, &new)).unwrap_err();
    assert!(
        matches!(&error, DbError::Duplicate { constraint, .. } if constraint.contains("episodes.episode_id"))
    );
}

#[test]
fn lists_newest_first_and_by_filter() {
    let fixture = fixture();
    for (id, status, published, title) in [
        ("old", EpisodeStatus::New, Some("2026-01-01T00:00:00Z"), "Geld & 100% Inflation"),
        ("new", EpisodeStatus::Chapterized, Some("2026-11-21T00:00:00Z"), "Lightning"),
        ("undated", EpisodeStatus::New, None, "Ohne Datum"),
        ("mid", EpisodeStatus::New, Some("2026-06-01T00:00:00Z"), "lightning_2"),
    ] {
        let new = NewEpisode {
            episode_id: &id.parse().unwrap(),
            channel_id: None,
            source: "rss",
            title,
            published_at: published.map(time),
            duration_seconds: None,
            url: None,
            status,
            output_dir: None,
            detected_at: time("2026-11-22T00:00:00Z"),
            pipeline_version: PipelineVersion::V2,
        };
        fixture.run(|conn| episodes::insert(conn, &new));
    }
    let list = |filter: EpisodeFilter| {
        let rows = fixture.run(|conn| episodes::list(conn, &filter));
        let ids: Vec<String> = rows.into_iter().map(|row| row.episode_id.to_string()).collect();
        (ids.join(" "), fixture.run(|conn| episodes::count(conn, &filter)))
    };
    let all = EpisodeFilter::default;
    let search = |text: &str| EpisodeFilter { search: Some(text.to_owned()), ..all() };
    for (filter, ids, count) in [
        (all(), "undated new mid old", 4),
        (EpisodeFilter { status: Some(EpisodeStatus::New), ..all() }, "undated mid old", 3),
        (EpisodeFilter { limit: Some(2), ..all() }, "undated new", 4),
        (EpisodeFilter { limit: Some(2), offset: 3, ..all() }, "old", 4),
        (EpisodeFilter { offset: 3, ..all() }, "old", 4),
        (search("LIGHTNING"), "new mid", 2),
        (search("100%"), "old", 1),
        (search("g_2"), "mid", 1),
        (search("_"), "mid", 1),
        (search("\\"), "", 0),
        (search("undat"), "undated", 1),
        (EpisodeFilter { status: Some(EpisodeStatus::New), ..search("lightning") }, "mid", 1),
    ] {
        assert_eq!(list(filter.clone()), (ids.to_owned(), count), "{filter:?}");
    }
    assert_eq!(
        fixture.run(episodes::count_by_status),
        [(EpisodeStatus::Chapterized, 1), (EpisodeStatus::New, 3)]
    );
}

#[test]
fn each_column_is_set_alone_and_a_missing_row_is_an_error() {
    let fixture = fixture();
    let mut wanted = fixture.episode("abc123", EpisodeStatus::New);
    let id = wanted.id;
    fixture.run(|conn| {
        episodes::set_status(conn, id, EpisodeStatus::Chapterized)?;
        episodes::set_failure(conn, id, "first")?;
        episodes::set_failure(conn, id, "second")?;
        episodes::set_audio_path(conn, id, Some("raw/abc123/audio.m4a"))
    });
    wanted.status = EpisodeStatus::Chapterized;
    wanted.error_message = Some("second".to_owned());
    wanted.retry_count = 2;
    wanted.audio_path = Some("raw/abc123/audio.m4a".to_owned());
    assert_eq!(fixture.run(|conn| episodes::find(conn, &wanted.episode_id)).unwrap(), wanted);

    fixture.run(|conn| episodes::set_error(conn, id, None));
    wanted.error_message = None;
    assert_eq!(fixture.run(|conn| episodes::find(conn, &wanted.episode_id)).unwrap(), wanted);

    let nobody = EpisodeRowId(99);
    let error = testing::run(&fixture.db, |conn| episodes::set_failure(conn, nobody, "x")).unwrap_err();
    assert_eq!(error.to_string(), "there is no episode row '99' in the database");
}

#[test]
fn a_run_is_running_until_it_is_finished() {
    let fixture = fixture();
    let episode = fixture.episode("abc123", EpisodeStatus::Adapted);
    let other = fixture.episode("other", EpisodeStatus::Adapted);
    let (first, second) = fixture.run(|conn| {
        testing::pipeline_run(conn, &other, Stage::Imagegen);
        let first = testing::pipeline_run(conn, &episode, Stage::Chapterize);
        Ok((first, testing::pipeline_run(conn, &episode, Stage::Imagegen)))
    });
    let end = time("2026-11-22T11:00:00Z");
    fixture.run(|conn| pipeline_runs::set_finished(conn, first, RunStatus::Failed, end, Some("no key")));

    let running = fixture.run(|conn| pipeline_runs::list_running(conn, episode.id));
    assert_eq!(running.iter().map(|run| run.id).collect::<Vec<_>>(), [second]);
    let all = fixture.run(|conn| pipeline_runs::list_for_episode(conn, episode.id));
    assert_eq!(all.iter().map(|run| run.id).collect::<Vec<_>>(), [second, first]);
    let latest = |row| fixture.run(|conn| pipeline_runs::find_latest(conn, row)).map(|run| run.id);
    assert_eq!(latest(EpisodeRowId(i64::MAX)), None);
    assert_eq!(latest(episode.id), Some(second));
    let failed = fixture.run(|conn| pipeline_runs::find(conn, first)).unwrap();
    assert_eq!(
        (failed.status, failed.completed_at, failed.error_message.as_deref()),
        (RunStatus::Failed, Some(end), Some("no key"))
    );
    let again = fixture.run(|conn| Ok(testing::pipeline_run(conn, &episode, Stage::Chapterize)));
    assert_eq!(latest(episode.id), Some(again));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn any_text_survives_a_title_and_can_be_searched_for(text in "[^\0]{1,40}") {
        let fixture = fixture();
        let episode = fixture.episode("abc123", EpisodeStatus::New);
        fixture.run(|conn| episodes::set_error(conn, episode.id, Some(&text)));
        let found = fixture.run(|conn| episodes::find(conn, &episode.episode_id)).unwrap();
        prop_assert_eq!(found.error_message.as_deref(), Some(text.as_str()));
        let filter = EpisodeFilter { search: Some(text.clone()), ..EpisodeFilter::default() };
        let hits = fixture.run(|conn| episodes::count(conn, &filter));
        let expected = episode.title.contains(&text) || "abc123".contains(&text);
        prop_assert!(hits == 1 || !expected);
    }
}
