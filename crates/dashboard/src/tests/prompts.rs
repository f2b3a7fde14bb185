//! Templates: their versions, what differs, and which is in use.

use btcedu_models::testing;
use serde_json::Value;

use super::world::{EVIL, Visitor, World};

fn default_of(prompt: &Value) -> i64 {
    let mut versions = prompt["versions"].as_array().unwrap().iter();
    versions.find(|version| version["is_default"] == true).expect("a default")["version"].as_i64().unwrap()
}

/// A visitor of a dashboard where `adapt` has a second version, with a hostile line.
async fn with_two_versions(world: &World) -> Visitor {
    let visitor = world.visitor().await;
    world.rows(|conn| {
        let first = btcedu_models::prompt_versions::list(conn, "adapt")?.remove(0);
        testing::prompt_version(conn, "adapt", 2, &format!("{}\n{EVIL}\n", first.body));
        Ok(())
    });
    visitor
}

#[actix_web::test]
async fn every_template_is_listed_with_its_version_in_use() {
    let visitor = World::empty().visitor().await;
    let prompts = visitor.api("/prompts").await;
    let names: Vec<&str> =
        prompts["prompts"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    for name in ["adapt", "chapterize", "correct_transcript", "imagegen", "system", "translate"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
        let _page = visitor.get(&format!("/prompts/{name}")).await.is(200).says("data-page=\"prompt\"");
    }
    assert!(prompts["prompts"].as_array().unwrap().iter().all(|one| one["default"]["version"] == 1));
}

#[actix_web::test]
async fn two_versions_are_compared_line_by_line_as_text() {
    let world = World::empty();
    let visitor = with_two_versions(&world).await;
    let prompt = visitor.api("/prompts/adapt?from=1&to=2").await;
    let lines = prompt["diff"]["lines"].as_array().unwrap();
    let added: Vec<&str> = lines
        .iter()
        .filter(|line| line["kind"] == "ins")
        .map(|line| line["text"].as_str().unwrap())
        .collect();
    assert!(added.contains(&EVIL), "{added:?}");
    let page = visitor.get("/prompts/adapt?from=1&to=2").await.is(200).says("&lt;script&gt;alert(1)");
    let _text = page.says("<ins").says_nothing_of("<script>alert");
}

#[actix_web::test]
async fn a_version_is_shown_where_it_is_asked_for() {
    let world = World::empty();
    let visitor = with_two_versions(&world).await;
    for (query, version) in [("", 1), ("?version=2", 2)] {
        let prompt = visitor.api(&format!("/prompts/adapt{query}")).await;
        assert_eq!((&prompt["shown"], default_of(&prompt)), (&Value::from(version), 1), "{query}");
        assert_eq!(prompt["body"].as_str().unwrap().contains(EVIL), version == 2, "{query}");
    }
    for query in ["version=99", "from=1&to=99"] {
        let _none = visitor.get(&format!("/prompts/adapt?{query}")).await.is(404).says("adapt");
    }
}

#[actix_web::test]
async fn a_version_is_promoted_and_said_to_be_in_use() {
    let world = World::empty();
    let visitor = with_two_versions(&world).await;
    let done = visitor.submit("/prompts/adapt", "/prompts/adapt/promote", &[("version", "2")]).await.is(303);
    assert_eq!(done.header("location"), "/prompts/adapt");
    assert_eq!(default_of(&visitor.api("/prompts/adapt").await), 2);
    let notice = visitor.get("/prompts/adapt").await.notice();
    assert!(notice.starts_with("adapt v2 is in use now"), "{notice}");
    let _once = visitor.get("/prompts/adapt").await.is(200).says_nothing_of("id=\"notice\"");
}

#[actix_web::test]
async fn a_version_that_isnt_there_is_not_promoted() {
    let world = World::empty();
    let visitor = with_two_versions(&world).await;
    for (version, status) in [("99", 404), ("", 422), ("x", 422)] {
        let fields = [("version", version)];
        let _refused = visitor.submit("/prompts/adapt", "/prompts/adapt/promote", &fields).await.is(status);
        assert_eq!(default_of(&visitor.api("/prompts/adapt").await), 1, "{version}");
    }
    let _none =
        visitor.submit("/prompts/adapt", "/prompts/Nothing!/promote", &[("version", "1")]).await.is(404);
}
