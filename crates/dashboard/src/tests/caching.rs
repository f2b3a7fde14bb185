//! What a browser may keep, and what the dashboard keeps itself.

use std::io::Read;

use btcedu_artifacts::write_atomic;
use flate2::read::GzDecoder;

use super::world::{EP, PICTURES, World};

#[actix_web::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let world = World::new();
    let visitor = world.visitor().await;
    for path in ["/", "/episodes/ep1", "/costs", "/api/v1/episodes", "/api/v1/episodes/ep1/texts/raw"] {
        let first = visitor.get(path).await.is(200);
        assert_eq!(first.header("cache-control"), "private, no-cache", "{path}");
        let tag = first.header("etag");
        for known in [tag.to_owned(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let again = visitor.get_with(path, &[("if-none-match", known.as_str())]).await.is(304);
            assert!(again.body.is_empty() && again.header("etag") == tag, "{path} {known}");
        }
        let _other = visitor.get_with(path, &[("if-none-match", "\"other\"")]).await.is(200);
    }
}

#[actix_web::test]
async fn a_page_with_a_form_is_kept_by_nobody() {
    let visitor = World::new().visitor().await;
    for path in ["/reviews", "/reviews/1", "/prompts/adapt", "/sign-out"] {
        let page = visitor.get(path).await.is(200);
        assert_eq!((page.header("cache-control"), page.header("etag")), ("no-store", ""), "{path}");
        let _again = visitor.get_with(path, &[("if-none-match", "*")]).await.is(200);
    }
}

#[actix_web::test]
async fn a_long_answer_is_compressed_for_those_who_accept_it() {
    let visitor = World::new().visitor().await;
    let plain = visitor.get("/").await.is(200);
    assert_eq!(plain.header("content-encoding"), "");
    for accepted in ["gzip", "br, gzip;q=0.5"] {
        let packed = visitor.get_with("/", &[("accept-encoding", accepted)]).await.is(200);
        assert_eq!(packed.header("content-encoding"), "gzip", "{accepted}");
        assert!(packed.header("vary").contains("Accept-Encoding"));
        assert!(packed.body.len() * 2 < plain.body.len());
        let mut text = String::new();
        GzDecoder::new(packed.body.as_ref()).read_to_string(&mut text).unwrap();
        assert_eq!(text, plain.text());
    }
    for refused in ["gzip;q=0", "identity", "br", "gzip;q=0, *"] {
        let answer = visitor.get_with("/", &[("accept-encoding", refused)]).await.is(200);
        assert_eq!((answer.header("content-encoding"), answer.text()), ("", plain.text()), "{refused}");
    }
}

#[actix_web::test]
async fn a_change_of_rows_or_files_is_seen_by_the_next_request() {
    let world = World::new();
    let visitor = world.visitor().await;
    let path = "/api/v1/episodes/ep1/texts/turkish";
    assert_eq!(visitor.get(path).await.json()["words"], 0);
    assert_eq!(visitor.get(path).await.json()["words"], 0, "from the cache");
    write_atomic(&world.dir(EP).translation(), b"Merhaba Bitcoin.\n").unwrap();
    assert_eq!(visitor.get(path).await.json()["words"], 2);
    assert_eq!(visitor.api("/episodes").await["all"], 2);
    world.add_correction("ep2");
    assert_eq!(visitor.api("/episodes").await["all"], 3);
    let _badge = visitor.get("/").await.says("id=\"pending-reviews\">2</span>");
}

#[actix_web::test]
async fn assets_are_kept_for_good_under_the_address_with_their_hash_only() {
    let visitor = World::empty().visitor().await;
    let page = visitor.get("/").await.text();
    for (name, kind) in
        [("dashboard.css", "text/css"), ("dashboard.js", "text/javascript"), ("icon.svg", "image/svg")]
    {
        let link = page.split('"').find(|link| link.contains(name)).expect(name);
        assert!(link.starts_with("/static/") && link.contains("?v="), "{link}");
        let asset = visitor.get(link).await.is(200);
        assert_eq!(asset.header("cache-control"), "private, max-age=31536000, immutable");
        assert!(asset.header("content-type").starts_with(kind), "{name}");
        for other in [format!("/static/{name}"), format!("{link}0"), format!("/static/{name}?x=1")] {
            assert_eq!(
                visitor.get(&other).await.is(200).header("cache-control"),
                "private, no-cache",
                "{other}"
            );
        }
    }
}

#[actix_web::test]
async fn the_same_page_of_another_filter_is_another_page() {
    let visitor = World::new().visitor().await;
    let path = format!("/episodes/{PICTURES}/images");
    let all = visitor.get(&path).await.is(200).text();
    let some = visitor.get(&format!("{path}?status=generated")).await.is(200).text();
    assert!(all.contains("data-chapter=\"ch03\"") && !some.contains("data-chapter=\"ch03\""));
    assert_eq!(visitor.get(&path).await.text(), all);
}
