//! One picture per chapter, whatever came before; other assets are plain rows.

use btcedu_domain::{AssetType, ChapterId, EpisodeId, EpisodeStatus};
use btcedu_models::{
    DbError,
    media_assets::{self, NewMediaAsset},
    testing,
};
use diesel::connection::SimpleConnection;

use crate::{fixture, time};

fn picture<'a>(episode: &'a EpisodeId, chapter: &'a ChapterId, metadata: &'a str) -> NewMediaAsset<'a> {
    NewMediaAsset {
        episode_id: episode,
        asset_type: AssetType::Image,
        chapter_id: Some(chapter),
        file_path: Some("images/ch01.png"),
        mime_type: Some("image/png"),
        size_bytes: Some(5_000_000_000),
        duration_seconds: None,
        metadata: Some(metadata),
        prompt_version_id: None,
        created_at: testing::time(),
    }
}

fn ids() -> (EpisodeId, ChapterId, ChapterId) {
    ("abc123".parse().unwrap(), "ch01".parse().unwrap(), "ch02".parse().unwrap())
}

#[test]
fn assets_are_created_read_changed_and_deleted() {
    let fixture = fixture();
    let (episode, chapter, _) = ids();
    let speech = NewMediaAsset {
        asset_type: AssetType::Audio,
        duration_seconds: Some(12.5),
        metadata: None,
        ..picture(&episode, &chapter, "{}")
    };
    let id = fixture.run(|conn| media_assets::insert(conn, &speech));
    let found = fixture.run(|conn| media_assets::find(conn, id)).unwrap();
    assert_eq!(
        (found.asset_type, found.chapter_id.as_ref(), found.size_bytes, found.duration_seconds),
        (AssetType::Audio, Some(&chapter), Some(5_000_000_000), Some(12.5))
    );
    assert_eq!((found.created_at, found.metadata), (Some(testing::time()), None));

    fixture.run(|conn| media_assets::set_metadata(conn, id, Some(r#"{"voice":"Ayşe"}"#)));
    let all = fixture.run(|conn| media_assets::list(conn, &episode));
    assert_eq!(all[0].metadata.as_deref(), Some(r#"{"voice":"Ayşe"}"#));
    assert!(fixture.run(|conn| media_assets::list_images(conn, &episode)).is_empty());

    assert!(fixture.run(|conn| media_assets::delete(conn, id)));
    assert!(!fixture.run(|conn| media_assets::delete(conn, id)));
    assert_eq!(fixture.run(|conn| media_assets::find(conn, id)), None);
    let error = testing::run(&fixture.db, |conn| media_assets::set_metadata(conn, id, None)).unwrap_err();
    assert!(matches!(error, DbError::NotFound { .. }));
}

#[test]
fn another_picture_takes_the_row_of_the_one_before() {
    let fixture = fixture();
    let (episode, one, two) = ids();
    let version = fixture.run(|conn| Ok(testing::prompt_version(conn, "imagegen", 1, "body").id));
    let first = fixture.run(|conn| {
        let with_template =
            NewMediaAsset { prompt_version_id: Some(version), ..picture(&episode, &one, r#"{"n":1}"#) };
        media_assets::upsert_image(conn, &with_template)
    });
    let second = fixture.run(|conn| media_assets::upsert_image(conn, &picture(&episode, &two, "{}")));
    let later =
        NewMediaAsset { created_at: time("2026-11-23T00:00:00Z"), ..picture(&episode, &one, r#"{"n":2}"#) };
    let again = fixture.run(|conn| media_assets::upsert_image(conn, &later));
    assert_eq!(again, first);

    let images = fixture.run(|conn| media_assets::list_images(conn, &episode));
    assert_eq!(images.iter().map(|image| image.id).collect::<Vec<_>>(), [first, second]);
    assert_eq!(images[0].metadata.as_deref(), Some(r#"{"n":2}"#));
    assert_eq!((images[0].prompt_version_id, images[0].created_at), (None, Some(later.created_at)));

    let other = "other".parse().unwrap();
    fixture.run(|conn| media_assets::upsert_image(conn, &picture(&other, &one, "{}")));
    assert!(fixture.run(|conn| media_assets::delete_image(conn, &episode, &one)));
    assert!(!fixture.run(|conn| media_assets::delete_image(conn, &episode, &one)));
    assert_eq!(fixture.run(|conn| media_assets::find_image(conn, &episode, &one)), None);
    assert!(fixture.run(|conn| media_assets::find_image(conn, &other, &one)).is_some());
}

#[test]
fn the_database_itself_refuses_a_second_picture_and_metadata_that_is_no_json() {
    let fixture = fixture();
    let (episode, chapter, _) = ids();
    let new = picture(&episode, &chapter, "{}");
    fixture.run(|conn| media_assets::insert(conn, &new));
    let second = testing::run(&fixture.db, |conn| media_assets::insert(conn, &new)).unwrap_err();
    assert!(matches!(second, DbError::Duplicate { .. }), "{second:?}");
    let broken = NewMediaAsset { metadata: Some("{"), ..new };
    let error = testing::run(&fixture.db, |conn| media_assets::upsert_image(conn, &broken)).unwrap_err();
    assert!(matches!(error, DbError::Constraint { .. }), "{error:?}");
}

#[test]
fn a_time_that_sqlite_wrote_by_itself_is_read_as_utc() {
    let fixture = fixture();
    fixture.episode("abc123", EpisodeStatus::New);
    fixture.run(|conn| {
        Ok(conn.batch_execute(
            "INSERT INTO media_assets (episode_id, asset_type, created_at) VALUES
             ('abc123', 'audio', '2026-11-22 10:30:00'), ('abc123', 'audio', NULL);
             INSERT INTO media_assets (episode_id, asset_type) VALUES ('abc123', 'video')",
        )?)
    });
    let all = fixture.run(|conn| media_assets::list(conn, &"abc123".parse().unwrap()));
    let times: Vec<_> = all.iter().map(|asset| asset.created_at).collect();
    assert_eq!(times[..2], [Some(testing::time()), None]);
    assert!(times[2].unwrap() > time("2020-01-01T00:00:00Z"));
}
