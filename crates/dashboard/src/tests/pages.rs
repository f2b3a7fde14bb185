//! What pages and their JSON twins show.

use btcedu_artifacts::{StaleMarker, write_atomic};
use btcedu_chapters::testing::{document, json};
use btcedu_domain::{CallKind, EpisodeStatus, Usd};
use btcedu_models::{episodes, testing};
use serde_json::{Value, json};

use super::world::{EP, EVIL, PICTURES, World};

fn ids(list: &Value) -> Vec<&str> {
    list["episodes"].as_array().unwrap().iter().map(|row| row["episode_id"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn an_empty_list_says_how_to_add_an_episode() {
    let visitor = World::empty().visitor().await;
    let _page = visitor.get("/").await.is(200).says("No episodes yet").says("btcedu add");
    assert_eq!(visitor.api("/episodes").await["total"], 0);
}

#[actix_web::test]
async fn the_list_has_each_episode_with_its_status_and_what_it_waits_for() {
    let world = World::new();
    let visitor = world.visitor().await;
    let page = visitor.get("/").await.is(200).says("data-page=\"episodes\"");
    let page = page.says(&format!("data-episode=\"{EP}\"")).says(&format!("data-episode=\"{PICTURES}\""));
    let _count = page.says("2 episodes").says("id=\"pending-reviews\">1</span>");
    let list = visitor.api("/episodes").await;
    let row = list["episodes"].as_array().unwrap().iter().find(|row| row["episode_id"] == EP).unwrap();
    assert_eq!(
        (&row["status"], &row["waiting_kind"], &row["review"]),
        (&json!("corrected"), &json!("review"), &json!(1))
    );
    assert_eq!(row["cap_usd"], 10.0);
}

#[actix_web::test]
async fn the_list_is_searched_and_filtered() {
    let world = World::new();
    let visitor = world.visitor().await;
    for (query, expected) in [
        ("search=EP1", vec![EP]),
        ("search=erkl%C3%A4rt:+test", vec![PICTURES]),
        ("search=nothing", vec![]),
        ("status=chapterized", vec![PICTURES]),
        ("waiting=review", vec![EP]),
        ("status=nonsense&search=ep1", vec![EP]),
    ] {
        let list = visitor.api(&format!("/episodes?{query}")).await;
        assert_eq!(ids(&list), expected, "{query}");
        assert_eq!(list["all"], 2, "{query}");
    }
    let _kept = visitor.get("/?search=ep1").await.is(200).says("value=\"ep1\"").says("1 of 2 episodes");
}

#[actix_web::test]
async fn the_list_has_fifty_episodes_on_a_page_in_the_order_asked_for() {
    let world = World::empty();
    world.rows(|conn| {
        (0..60).for_each(|n| drop(testing::episode(conn, &format!("row{n:02}"), EpisodeStatus::New)));
        Ok(())
    });
    let visitor = world.visitor().await;
    let first = visitor.api("/episodes?sort=title").await;
    assert_eq!((&first["total"], &first["pages"], ids(&first).len()), (&json!(60), &json!(2), 50));
    assert_eq!(ids(&first)[0], "row00");
    let second = visitor.api("/episodes?sort=title&page=2").await;
    assert_eq!((ids(&second).len(), ids(&second)[9]), (10, "row59"));
    for odd in ["page=0", "page=-1", "page=x", "sort=nonsense"] {
        assert_eq!(ids(&visitor.api(&format!("/episodes?{odd}")).await).len(), 50, "{odd}");
    }
    assert!(ids(&visitor.api("/episodes?page=99999999").await).is_empty());
}

#[actix_web::test]
async fn an_episode_shows_its_steps_texts_and_what_comes_next() {
    let world = World::new();
    let visitor = world.visitor().await;
    let page = visitor.get("/episodes/ep1").await.is(200).says("data-page=\"episode\"");
    let _links = page.says("/episodes/ep1/texts/corrected").says("btcedu review approve 1");
    let episode = visitor.api("/episodes/ep1").await;
    assert_eq!(episode["episode"]["status"], "corrected");
    let texts = episode["texts"].as_array().unwrap();
    let sizes: Vec<bool> = texts.iter().map(|text| text["size_bytes"].is_u64()).collect();
    assert_eq!(sizes, [true, true, true, false, false]);
    assert_eq!((&episode["has_chapters"], &episode["has_images"]), (&json!(false), &json!(false)));
    assert_eq!(episode["next"]["review"], 1);
}

#[actix_web::test]
async fn an_episode_with_chapters_is_told_to_run_imagegen_and_with_what_estimate() {
    let world = World::new();
    let episode = world.visitor().await.api(&format!("/episodes/{PICTURES}")).await;
    assert_eq!(episode["next"]["title"], "imagegen");
    let commands = episode["next"]["commands"].to_string();
    assert!(
        commands.contains("btcedu run testEp001") && commands.contains("imagegen --dry-run"),
        "{commands}"
    );
    assert_eq!((&episode["has_chapters"], &episode["has_images"]), (&json!(true), &json!(true)));
}

#[actix_web::test]
async fn an_error_of_an_episode_is_shown_and_cut_in_the_list() {
    let world = World::new();
    let message = format!("the provider said no {}", "x".repeat(2000));
    world.rows(|conn| {
        let episode = episodes::find(conn, &EP.parse().unwrap())?.unwrap();
        episodes::set_failure(conn, episode.id, &message)
    });
    let list = world.visitor().await.api("/episodes?search=ep1").await;
    let error = list["episodes"][0]["error"].as_str().unwrap();
    assert!(error.starts_with("the provider said no") && error.ends_with(" …"), "{error}");
    assert_eq!(error.chars().count(), 302);
}

#[actix_web::test]
async fn each_text_is_shown_in_its_language() {
    let world = World::new();
    let visitor = world.visitor().await;
    for (kind, lang, part) in [("raw", "de", "Halfing"), ("corrected", "de", "Lightning")] {
        let page = visitor.get(&format!("/episodes/ep1/texts/{kind}")).await.is(200).says(part);
        let _lang = page.says(&format!("lang=\"{lang}\""));
        let text = visitor.api(&format!("/episodes/ep1/texts/{kind}")).await;
        assert_eq!(text["paragraphs"].as_array().unwrap().len(), 2);
        assert_eq!((&text["words"], &text["text"]["lang"]), (&json!(6), &json!(lang)));
    }
    let missing = visitor.api("/episodes/ep1/texts/turkish").await;
    assert_eq!((&missing["words"], &missing["text"]["size_bytes"]), (&json!(0), &Value::Null));
}

#[actix_web::test]
async fn an_adapted_script_is_shown_as_markdown_without_any_html_of_its_own() {
    let world = World::new();
    let script = format!("# Başlık\n\nSPK **bugün** {EVIL}\n\n- bir\n- iki\n");
    write_atomic(&world.dir(EP).script(), script.as_bytes()).unwrap();
    let text = world.visitor().await.api("/episodes/ep1/texts/adapted").await;
    let html = text["html"].as_str().unwrap();
    for part in ["<h3>Başlık</h3>", "<strong>bugün</strong>", "<li>iki</li>", "&lt;script&gt;"] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
}

#[actix_web::test]
async fn a_stale_text_says_why() {
    let world = World::new();
    let marker = StaleMarker {
        invalidated_by: "review".to_owned(),
        invalidated_at: testing::time(),
        reason: "the transcript was corrected".to_owned(),
    };
    marker.write(&world.dir(EP).corrected_transcript()).unwrap();
    let visitor = world.visitor().await;
    let text = visitor.api("/episodes/ep1/texts/corrected").await;
    assert_eq!(text["text"]["stale"], "the transcript was corrected");
    let _page = visitor.get("/episodes/ep1/texts/corrected").await.says("the transcript was corrected");
}

#[actix_web::test]
async fn chapters_are_shown_on_a_line_and_one_by_one() {
    let world = World::new();
    let visitor = world.visitor().await;
    let page = visitor.get(&format!("/episodes/{PICTURES}/chapters")).await.is(200);
    let _ids = page.says("id=\"ch01\"").says("id=\"ch04\"").says("Bölüm 3");
    let chapters = visitor.api(&format!("/episodes/{PICTURES}/chapters")).await;
    let list = chapters["chapters"].as_array().unwrap();
    assert_eq!((list.len(), &chapters["problem"]), (4, &Value::Null));
    let wide: f64 = list.iter().map(|chapter| chapter["width_percent"].as_f64().unwrap()).sum();
    assert!((wide - 100.0).abs() < 0.01, "{wide}");
    assert_eq!(list[1]["start_seconds"], list[0]["duration_seconds"]);
    assert!(list[1]["picture"]["url"].is_string() && list[2]["picture"]["url"].is_null());
}

#[actix_web::test]
async fn chapters_that_break_rules_are_listed_with_their_places() {
    let world = World::new();
    let mut broken = document(2);
    broken.chapters[1].order = 7;
    write_atomic(&world.dir(PICTURES).chapters(), json(&broken).as_bytes()).unwrap();
    let visitor = world.visitor().await;
    let chapters = visitor.api(&format!("/episodes/{PICTURES}/chapters")).await;
    assert_eq!(chapters["problem"], "the chapters break the rules of their schema");
    assert!(chapters["violations"].to_string().contains("order"), "{chapters}");
    assert!(chapters["chapters"].as_array().unwrap().is_empty());
}

#[actix_web::test]
async fn the_gallery_has_every_chapter_with_its_picture_or_the_reason() {
    let world = World::new();
    let visitor = world.visitor().await;
    let page = visitor.get(&format!("/episodes/{PICTURES}/images")).await.is(200);
    let page = page.says("id=\"ch02\" data-chapter=\"ch02\" data-status=\"generated\"");
    let _refusal = page.says("the provider refused the prompt").says("Flat style.");
    let gallery = visitor.api(&format!("/episodes/{PICTURES}/images")).await;
    assert_eq!(
        gallery["totals"],
        json!({"chapters": 4, "generated": 1, "skipped": 1, "rejected": 1, "failed": 0, "pending": 1, "cost_usd": 0.041})
    );
    assert_eq!((&gallery["differing"], &gallery["problem"]), (&json!(0), &Value::Null));
    let made = &gallery["pictures"][1];
    assert_eq!(made["file_name"], format!("{PICTURES}-ch02.png"));
    assert_eq!(made["prompt"], "The prompt of ch02");
    assert_eq!(made["alt"], "Bölüm 2 için ışıklı, sade bir görsel");
}

#[actix_web::test]
async fn the_gallery_is_filtered_by_status() {
    let world = World::new();
    let visitor = world.visitor().await;
    for (status, chapters) in [
        ("generated", vec!["ch02"]),
        ("skipped", vec!["ch01"]),
        ("failed", vec![]),
        ("nonsense", vec!["ch01", "ch02", "ch03", "ch04"]),
    ] {
        let gallery = visitor.api(&format!("/episodes/{PICTURES}/images?status={status}")).await;
        let pictures = gallery["pictures"].as_array().unwrap();
        let shown: Vec<&str> = pictures.iter().map(|one| one["chapter_id"].as_str().unwrap()).collect();
        assert_eq!(shown, chapters, "{status}");
        assert_eq!(gallery["totals"]["chapters"], 4, "{status}");
    }
    let page = visitor.get(&format!("/episodes/{PICTURES}/images?status=failed")).await;
    let _empty = page.is(200).says("No picture is failed");
}

#[actix_web::test]
async fn an_episode_without_pictures_says_so() {
    let world = World::new();
    let gallery = world.visitor().await.api("/episodes/ep1/images").await;
    assert_eq!(gallery["problem"], "no pictures were made yet");
    assert!(gallery["commands"].as_array().unwrap().is_empty(), "there are no chapters yet either");
}

#[actix_web::test]
async fn a_picture_that_no_chapter_shows_is_named() {
    let world = World::new();
    let other = world.dir(PICTURES).images().join("ch02.edited-0123456789abcdef.png");
    write_atomic(&other, &world.picture).unwrap();
    let gallery = world.visitor().await.api(&format!("/episodes/{PICTURES}/images")).await;
    assert_eq!(gallery["others"], json!(["ch02.edited-0123456789abcdef.png"]));
}

#[actix_web::test]
async fn costs_are_those_of_the_ledger() {
    let world = World::new();
    world.rows(|conn| {
        let episode = episodes::find(conn, &PICTURES.parse().unwrap())?.unwrap();
        for _ in 0..2 {
            testing::call(conn, &episode, None, CallKind::Image, Usd::from_micros(40_000));
        }
        Ok(())
    });
    let visitor = world.visitor().await;
    let costs = visitor.api("/costs").await;
    assert_eq!((&costs["calls"], &costs["by_stage"][0]["key"]), (&json!(2), &json!("imagegen")));
    assert_eq!(costs["by_episode"][0]["label"], format!("Bitcoin erklärt: {PICTURES}"));
    let _page = visitor.get("/costs").await.is(200).says("test-model").says("imagegen");
}

#[actix_web::test]
async fn a_running_run_is_shown_only_while_the_episode_is_held() {
    use btcedu_artifacts::{EpisodeLock, LockHolder};
    let world = World::new();
    let since = world.rows(|conn| {
        let episode = episodes::find(conn, &PICTURES.parse().unwrap())?.unwrap();
        testing::pipeline_run(conn, &episode, btcedu_domain::Stage::Imagegen);
        Ok(testing::time())
    });
    let visitor = world.visitor().await;
    let path = format!("/episodes/{PICTURES}/images");
    assert_eq!(visitor.api(&path).await["running_since"], Value::Null, "a run that was killed");
    let holder = LockHolder::this_process("btcedu imagegen", since);
    let clock = btcedu_domain::SystemClock;
    let _lock = EpisodeLock::acquire(&world.dir(PICTURES), &holder, &clock).await.unwrap();
    assert_eq!(visitor.api(&path).await["running_since"], since.to_string());
}

#[actix_web::test]
async fn hostile_titles_are_text_on_every_page() {
    let world = World::new();
    world.rows(|conn| {
        let new = episodes::NewEpisode {
            episode_id: &"evil".parse().unwrap(),
            channel_id: None,
            source: EVIL,
            title: EVIL,
            published_at: None,
            duration_seconds: None,
            url: Some("javascript:alert(1)"),
            status: EpisodeStatus::New,
            output_dir: None,
            detected_at: testing::time(),
            pipeline_version: btcedu_domain::PipelineVersion::V2,
        };
        episodes::insert(conn, &new).map(drop)
    });
    let visitor = world.visitor().await;
    for path in
        ["/", "/episodes/evil", "/episodes/evil/texts/raw", "/episodes/evil/images", "/?search=%3Cscript%3E"]
    {
        let page = visitor.get(path).await.is(200);
        let _text =
            page.says("&lt;script&gt;").says_nothing_of("<script>alert").says_nothing_of("<img src=x");
    }
    assert_eq!(visitor.api("/episodes/evil").await["url"], Value::Null);
}
