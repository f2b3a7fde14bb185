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
fn other_assets_are_no_pictures_and_metadata_is_replaced() {
    let fixture = fixture();
    let (episode, chapter, _) = ids();
    let picture = picture(&episode, &chapter, "{}");
    let speech = NewMediaAsset { asset_type: AssetType::Audio, duration_seconds: Some(12.5), ..picture };
    fixture.run(|conn| media_assets::insert(conn, &speech));
    let id = fixture.run(|conn| media_assets::insert(conn, &picture));
    fixture.run(|conn| media_assets::set_metadata(conn, id, Some(r#"{"style":"düz"}"#)));
    let images = fixture.run(|conn| media_assets::list_images(conn, &episode));
    let [found] = images.as_slice() else { panic!("{images:?}") };
    assert_eq!((found.id, found.metadata.as_deref()), (id, Some(r#"{"style":"düz"}"#)));
    assert_eq!(
        (found.chapter_id.as_ref(), found.size_bytes, found.created_at),
        (Some(&chapter), Some(5_000_000_000), Some(testing::time()))
    );
    let error = testing::run(&fixture.db, |conn| media_assets::set_metadata(conn, 99, None)).unwrap_err();
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
    let left = |id| fixture.run(|conn| media_assets::list_images(conn, id)).len();
    assert_eq!((left(&episode), left(&other)), (1, 1));
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
            "INSERT INTO media_assets (episode_id, asset_type, chapter_id, created_at) VALUES
             ('abc123', 'image', 'a', '2026-11-22 10:30:00'), ('abc123', 'image', 'b', NULL);
             INSERT INTO media_assets (episode_id, asset_type, chapter_id) VALUES ('abc123', 'image', 'c')",
        )?)
    });
    let all = fixture.run(|conn| media_assets::list_images(conn, &"abc123".parse().unwrap()));
    let times: Vec<_> = all.iter().map(|asset| asset.created_at).collect();
    assert_eq!(times[..2], [Some(testing::time()), None]);
    assert!(times[2].unwrap() > time("2020-01-01T00:00:00Z"));
}
