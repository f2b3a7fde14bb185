//! Files that are no files, lead out of the workspace or have no end: pages still answer, and say what is wrong.

use std::{os::unix::fs::symlink, path::Path, time::Duration};

use btcedu_artifacts::{remove_file, write_atomic};
use btcedu_domain::{ReviewStage, Stage};
use rustix::fs::{CWD, FileType, Mode};

use super::world::{Answer, EP, PICTURES, Visitor, World};

fn pipe(path: &Path) {
    let folder = path.parent().unwrap();
    std::fs::create_dir_all(folder).unwrap();
    remove_file(path).unwrap();
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

fn link(from: impl AsRef<Path>, to: &Path) {
    remove_file(to).unwrap();
    symlink(from, to).unwrap();
}

/// Asks for a page, which must come soon whatever stands in its files' places.
async fn soon(visitor: &Visitor, path: &str) -> Answer {
    let answer = tokio::time::timeout(Duration::from_secs(20), visitor.get(path)).await;
    answer.unwrap_or_else(|_elapsed| panic!("{path} hangs"))
}

/// All pages of an episode, and those of all episodes, which must be there.
async fn all_pages_answer(visitor: &Visitor, id: &str) {
    for path in ["/healthz", "/", "/reviews", "/costs", "/prompts"] {
        let _there = soon(visitor, path).await.is(200);
    }
    for part in ["", "/chapters", "/images", "/texts/raw", "/texts/corrected", "/texts/adapted"] {
        for path in [format!("/episodes/{id}{part}"), format!("/api/v1/episodes/{id}{part}")] {
            let _there = soon(visitor, &path).await.is(200);
        }
    }
}

#[actix_web::test]
async fn a_pipe_in_a_pictures_place_is_called_out() {
    let world = World::new();
    pipe(&world.dir(PICTURES).chapter_picture(&"ch02".parse().unwrap()));
    let visitor = world.visitor().await;
    all_pages_answer(&visitor, PICTURES).await;
    let gallery = soon(&visitor, &format!("/api/v1/episodes/{PICTURES}/images")).await.json();
    assert_eq!(gallery["pictures"][1]["differs"], "a named pipe stands where the picture should be");
    for end in [".png", "/thumb"] {
        let answer = soon(&visitor, &format!("/episodes/{PICTURES}/images/ch02{end}")).await.is(404);
        let _told = answer.says("a named pipe stands where the file should be");
    }
    let episode = soon(&visitor, &format!("/api/v1/episodes/{PICTURES}")).await.json();
    let problem = episode["next"]["problem"].as_str().expect("the next step's problem");
    assert!(problem.contains("ch02.png") && problem.contains("a named pipe"), "{problem}");
}

#[actix_web::test]
async fn a_device_among_the_sidecars_is_passed_over() {
    let world = World::new();
    let store = world.dir(PICTURES).store();
    std::fs::create_dir_all(store.folder()).unwrap();
    symlink("/dev/zero", store.folder().join("x.json")).unwrap();
    pipe(&store.folder().join("y.json"));
    let visitor = world.visitor().await;
    all_pages_answer(&visitor, PICTURES).await;
    let episode = soon(&visitor, &format!("/api/v1/episodes/{PICTURES}")).await.json();
    assert_eq!(episode["next"]["title"], "imagegen");
    assert!(episode["next"]["estimate_usd"].is_f64(), "the preview is there: {}", episode["next"]);
}

#[actix_web::test]
async fn a_pipe_in_the_manifests_place_is_told_as_a_spoiled_manifest() {
    let world = World::new();
    pipe(&world.dir(PICTURES).manifest());
    let visitor = world.visitor().await;
    all_pages_answer(&visitor, PICTURES).await;
    let gallery = soon(&visitor, &format!("/api/v1/episodes/{PICTURES}/images")).await.json();
    assert!(gallery["problem"].as_str().unwrap().contains("can't be read"), "{gallery}");
    let episode = soon(&visitor, &format!("/api/v1/episodes/{PICTURES}")).await.json();
    let problem = episode["next"]["problem"].as_str().expect("the next step's problem");
    assert!(problem.contains("manifest.json") && problem.contains("a named pipe"), "{problem}");
}

#[actix_web::test]
async fn chapters_that_are_a_link_to_outside_are_not_read() {
    let world = World::new();
    let secret =
        world.outside("secret.json", &btcedu_chapters::testing::json(&btcedu_chapters::testing::document(4)));
    link(secret, &world.dir(PICTURES).chapters());
    let visitor = world.visitor().await;
    all_pages_answer(&visitor, PICTURES).await;
    let chapters = soon(&visitor, &format!("/api/v1/episodes/{PICTURES}/chapters")).await.json();
    assert!(chapters["problem"].as_str().unwrap().contains("can't be read"), "{chapters}");
    assert!(chapters["chapters"].as_array().unwrap().is_empty());
    let episode = soon(&visitor, &format!("/api/v1/episodes/{PICTURES}")).await.json();
    let problem = episode["next"]["problem"].as_str().expect("the next step's problem");
    assert!(problem.contains("chapters.json") && problem.contains("leads out of the workspace"), "{problem}");
}

#[actix_web::test]
async fn no_place_of_an_episodes_files_makes_a_page_hang() {
    let world = World::new();
    let dir = world.dir(EP);
    for path in [
        dir.transcript(),
        dir.clean_transcript(),
        dir.corrected_transcript(),
        dir.translation(),
        dir.script(),
        dir.chapters(),
        dir.manifest(),
        dir.lock_file(),
        dir.review_diff(ReviewStage::Correct),
        dir.provenance(Stage::Correct),
        btcedu_artifacts::stale_path(&dir.corrected_transcript()),
        dir.review_history(),
    ] {
        pipe(&path);
    }
    let visitor = world.visitor().await;
    all_pages_answer(&visitor, EP).await;
    for path in ["/reviews/1", "/api/v1/reviews/1", "/api/v1/reviews"] {
        let _there = soon(&visitor, path).await.is(200);
    }
    let review = soon(&visitor, "/api/v1/reviews/1").await.json();
    assert!(review["problem"].is_string() && review["decidable"] == false, "{review}");
    let provenance = soon(&visitor, "/api/v1/episodes/ep1").await.json()["provenance"][0]["problem"].clone();
    assert!(provenance.as_str().unwrap().contains("a named pipe"), "{provenance}");
}

#[actix_web::test]
async fn a_text_that_is_a_link_to_outside_counts_as_missing() {
    let world = World::new();
    let secret = world.outside("secret.txt", "what no visitor may read");
    link(&secret, &world.dir(EP).corrected_transcript());
    let visitor = world.visitor().await;
    for path in [
        "/episodes/ep1/texts/corrected",
        "/api/v1/episodes/ep1/texts/corrected",
        "/reviews/1",
        "/episodes/ep1",
    ] {
        let _missing = soon(&visitor, path).await.is(200).says_nothing_of("no visitor may read");
    }
    let text = soon(&visitor, "/api/v1/episodes/ep1/texts/corrected").await.json();
    assert!(text["text"]["size_bytes"].is_null() && text["words"] == 0, "{text}");
}

#[actix_web::test]
async fn a_picture_that_is_a_link_to_outside_is_not_sent() {
    let world = World::new();
    let picture = world.dir(PICTURES).chapter_picture(&"ch02".parse().unwrap());
    // The very same bytes, so that no hash gives it away.
    let outside = world.outside("outside.png", "");
    write_atomic(&outside, &world.picture).unwrap();
    link(&outside, &picture);
    let visitor = world.visitor().await;
    all_pages_answer(&visitor, PICTURES).await;
    for end in [".png", "/thumb"] {
        let answer = soon(&visitor, &format!("/episodes/{PICTURES}/images/ch02{end}")).await.is(404);
        let _told = answer.says("a link that leads out of the workspace");
    }
    let gallery = soon(&visitor, &format!("/api/v1/episodes/{PICTURES}/images")).await.json();
    assert_eq!(gallery["pictures"][1]["differs"], "the file is a link that leads out of the workspace");
}

#[actix_web::test]
async fn a_folder_of_pictures_that_leads_out_shows_nothing_of_it() {
    let world = World::new();
    let images = world.dir(PICTURES).images();
    let outside = world.outside("elsewhere/ch02.png", "a picture from outside");
    std::fs::remove_dir_all(&images).unwrap();
    symlink(outside.parent().unwrap(), &images).unwrap();
    let visitor = world.visitor().await;
    all_pages_answer(&visitor, PICTURES).await;
    let picture = soon(&visitor, &format!("/episodes/{PICTURES}/images/ch02.png")).await.is(404);
    let _told = picture.says("a link that leads out of the workspace");
    let gallery = soon(&visitor, &format!("/api/v1/episodes/{PICTURES}/images")).await.json();
    assert!(gallery["others"].as_array().unwrap().is_empty(), "{gallery}");
}

#[actix_web::test]
async fn a_picture_without_end_is_refused_by_its_size() {
    let world = World::new();
    let path = world.dir(PICTURES).chapter_picture(&"ch02".parse().unwrap());
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    let visitor = world.visitor().await;
    all_pages_answer(&visitor, PICTURES).await;
    let gallery = soon(&visitor, &format!("/api/v1/episodes/{PICTURES}/images")).await.json();
    assert_eq!(gallery["pictures"][1]["differs"], "the file is larger than any picture");
}

#[actix_web::test]
async fn a_manifest_that_is_no_json_says_how_to_write_it_anew() {
    let world = World::new();
    write_atomic(&world.dir(PICTURES).manifest(), b"this is no JSON").unwrap();
    let visitor = world.visitor().await;
    let page = soon(&visitor, &format!("/episodes/{PICTURES}/images")).await.is(200);
    let _told = page.says("the first command below writes it anew").says("btcedu images verify --repair");
    all_pages_answer(&visitor, PICTURES).await;
}

#[actix_web::test]
async fn a_link_inside_of_the_workspace_is_followed() {
    let world = World::new();
    let dir = world.dir(EP);
    link(dir.clean_transcript(), &dir.corrected_transcript());
    let text = world.visitor().await.api("/episodes/ep1/texts/corrected").await;
    assert!(text["paragraphs"][0].as_str().unwrap().contains("Halfing"), "{text}");
}
