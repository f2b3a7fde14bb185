//! Pictures and their small copies.

use btcedu_artifacts::{remove_file, write_atomic};
use btcedu_domain::Sha256Hash;

use super::world::{PICTURES, World, picture};

fn address(end: &str) -> String {
    format!("/episodes/{PICTURES}/images/ch02{end}")
}

#[actix_web::test]
async fn a_picture_is_sent_as_it_is_on_the_disk() {
    let world = World::new();
    let visitor = world.visitor().await;
    let full = visitor.get(&address(".png")).await.is(200);
    assert_eq!(full.body, world.picture);
    assert_eq!(full.header("content-type"), "image/png");
    assert_eq!(full.header("content-disposition"), format!("inline; filename=\"{PICTURES}-ch02.png\""));
    let packed = visitor.get_with(&address(".png"), &[("accept-encoding", "gzip")]).await.is(200);
    assert_eq!(packed.header("content-encoding"), "", "a picture doesn't get smaller");
}

#[actix_web::test]
async fn a_picture_is_kept_for_good_under_the_address_of_its_hash() {
    let world = World::new();
    let visitor = world.visitor().await;
    let hash = Sha256Hash::of_bytes(&world.picture).short();
    for end in [".png", "/thumb"] {
        let of_hash = visitor.get(&address(&format!("{end}?v={hash}"))).await.is(200);
        assert!(of_hash.header("cache-control").contains("immutable"), "{end}");
        let tag = of_hash.header("etag").to_owned();
        assert_eq!(tag, format!("\"{hash}\""));
        let again = visitor.get_with(&address(end), &[("if-none-match", tag.as_str())]).await.is(304);
        assert!(again.body.is_empty(), "{end}");
        for other in [address(end), address(&format!("{end}?v=0123456789abcdef"))] {
            assert_eq!(
                visitor.get(&other).await.is(200).header("cache-control"),
                "private, no-cache",
                "{other}"
            );
        }
    }
}

#[actix_web::test]
async fn a_small_copy_is_a_jpeg_with_the_mark_and_is_kept_beside_the_picture() {
    let world = World::new();
    let visitor = world.visitor().await;
    let thumb = visitor.get(&address("/thumb")).await.is(200);
    assert_eq!(thumb.header("content-type"), "image/jpeg");
    let small = image::load_from_memory(&thumb.body).unwrap();
    assert_eq!((small.width(), small.height()), (480, 240));
    assert!(thumb.text().contains("trainedAlgorithmicMedia"));
    let kept = world.dir(PICTURES).thumbnail(&Sha256Hash::of_bytes(&world.picture));
    assert_eq!(std::fs::read(&kept).unwrap(), thumb.body);
    // Another start of the dashboard reads it from there.
    write_atomic(&kept, b"kept").unwrap();
    assert_eq!(world.visitor().await.get(&address("/thumb")).await.is(200).body, "kept");
}

#[actix_web::test]
async fn a_small_copy_that_cant_be_kept_is_sent_all_the_same() {
    let world = World::new();
    let thumbs = world.dir(PICTURES).images().join("thumbs");
    write_atomic(&thumbs, b"a file where the folder should be").unwrap();
    let visitor = world.visitor().await;
    for _ in 0..2 {
        let thumb = visitor.get(&address("/thumb")).await.is(200);
        assert_eq!(image::load_from_memory(&thumb.body).unwrap().width(), 480);
    }
}

#[actix_web::test]
async fn a_changed_picture_is_another_picture() {
    let world = World::new();
    let visitor = world.visitor().await;
    let before = visitor.get(&address("/thumb")).await.is(200);
    let gallery = format!("/episodes/{PICTURES}/images");
    assert_eq!(visitor.api(&gallery).await["differing"], 0);
    let other = picture(300, 300);
    write_atomic(&world.dir(PICTURES).chapter_picture(&"ch02".parse().unwrap()), &other).unwrap();
    assert_eq!(visitor.get(&address(".png")).await.is(200).body, other);
    let after = visitor.get(&address("/thumb")).await.is(200);
    assert_ne!(after.header("etag"), before.header("etag"));
    assert_eq!(image::load_from_memory(&after.body).unwrap().width(), 300);
    let shown = visitor.api(&gallery).await;
    assert_eq!(shown["differing"], 1);
    let reason = shown["pictures"][1]["differs"].as_str().unwrap();
    assert!(reason.contains("another picture than the manifest's"), "{reason}");
    let _repair = visitor.get(&gallery).await.says("btcedu images verify --repair testEp001");
}

#[actix_web::test]
async fn a_missing_picture_is_404_and_called_out() {
    let world = World::new();
    let visitor = world.visitor().await;
    remove_file(&world.dir(PICTURES).chapter_picture(&"ch02".parse().unwrap())).unwrap();
    for end in [".png", "/thumb"] {
        let _told = visitor.get(&address(end)).await.is(404).says("there is no picture of chapter");
    }
    let gallery = visitor.api(&format!("/episodes/{PICTURES}/images")).await;
    assert_eq!(gallery["pictures"][1]["differs"], "the picture is missing on the disk");
    assert!(gallery["pictures"][1]["url"].is_null() && gallery["pictures"][1]["thumb_url"].is_null());
}

#[actix_web::test]
async fn what_is_no_picture_has_no_small_copy() {
    let world = World::new();
    write_atomic(&world.dir(PICTURES).chapter_picture(&"ch02".parse().unwrap()), b"<html>502</html>")
        .unwrap();
    let visitor = world.visitor().await;
    let _told = visitor.get(&address("/thumb")).await.is(404).says("there is no small copy");
}
