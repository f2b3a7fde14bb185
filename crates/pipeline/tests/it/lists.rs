//! Lists of episodes: what each waits for, filters, orders, pages, and what a timer may go on with.

use btcedu_domain::{
    CallKind, EpisodeId, EpisodeStatus, PipelineVersion, ReviewStage, ReviewStatus, Stage, Usd,
};
use btcedu_models::{
    episodes::{self, NewEpisode},
    review_tasks::{self, NewReviewTask},
    testing,
};
use btcedu_pipeline::{
    EpisodeList, EpisodeOrder, OverviewFilter, WaitKind, WaitingFor, list_episodes, list_pending,
};
use serde_json::json;

use crate::{
    reviews::changes,
    world::{EP, TEXT, World, usual_reply},
};

const CAP: Usd = Usd::from_micros(5_000_000);

async fn list(world: &World, filter: OverviewFilter) -> EpisodeList {
    list_episodes(&world.ctx.db, CAP, filter).await.unwrap()
}

async fn ids(world: &World, filter: OverviewFilter) -> Vec<String> {
    list(world, filter).await.episodes.iter().map(|episode| episode.episode_id.to_string()).collect()
}

async fn pending(world: &World) -> Vec<(String, Stage)> {
    let found = list_pending(&world.ctx.db, None).await.unwrap();
    found.into_iter().map(|episode| (episode.episode_id.to_string(), episode.next)).collect()
}

async fn waits_for(world: &World, episode: &str) -> WaitingFor {
    let filter = OverviewFilter { ids: vec![episode.parse().unwrap()], ..OverviewFilter::default() };
    list(world, filter).await.episodes[0].waiting_for
}

/// Writes a review down as a person has left it.
fn review(world: &World, episode: &str, gate: ReviewStage, status: ReviewStatus, notes: Option<&str>) -> i64 {
    world.query(|conn| {
        let new = NewReviewTask {
            episode_id: &episode.parse().unwrap(),
            stage: gate,
            artifact_paths: "[]",
            diff_path: None,
            prompt_version_id: None,
            created_at: testing::time(),
            artifact_hash: None,
        };
        let task = review_tasks::insert(conn, &new)?;
        review_tasks::set_status(conn, task.id, status, None, notes)?;
        Ok(task.id)
    })
}

/// Writes down that a stage ran last.
fn last_run(world: &World, episode: &str, stage: Stage) {
    world.query(|conn| {
        let episode = episodes::find(conn, &episode.parse().unwrap())?.expect("the episode");
        testing::pipeline_run(conn, &episode, stage);
        Ok(())
    });
}

/// One episode for each thing that can be waited for.
fn one_of_each() -> World {
    let world = World::new();
    for (episode, status) in [
        ("nothing", EpisodeStatus::ImagesGenerated),
        ("stage", EpisodeStatus::Transcribed),
        ("unbuilt", EpisodeStatus::Downloaded),
        ("unasked", EpisodeStatus::Corrected),
        ("asked", EpisodeStatus::Adapted),
        ("approved", EpisodeStatus::Corrected),
        ("capped", EpisodeStatus::CostLimit),
        ("silent", EpisodeStatus::Transcribed),
        ("noted", EpisodeStatus::Translated),
    ] {
        world.add(episode, status);
    }
    world.add_v1("old", EpisodeStatus::Transcribed);
    review(&world, "asked", ReviewStage::Adapt, ReviewStatus::InReview, None);
    review(&world, "approved", ReviewStage::Correct, ReviewStatus::Approved, None);
    last_run(&world, "capped", Stage::Adapt);
    review(&world, "silent", ReviewStage::Correct, ReviewStatus::Rejected, Some("  "));
    review(&world, "noted", ReviewStage::Adapt, ReviewStatus::ChangesRequested, Some("Kürzer."));
    world
}

#[tokio::test]
async fn each_episode_says_what_it_waits_for() {
    let world = one_of_each();
    let (one, two) = (ReviewStage::Correct, ReviewStage::Adapt);
    for (episode, expected, words) in [
        ("nothing", WaitingFor::Nothing, ""),
        ("stage", WaitingFor::Stage(Stage::Correct), "correct"),
        ("unbuilt", WaitingFor::NotBuilt(Stage::Transcribe), "transcribe (not built yet)"),
        ("old", WaitingFor::NotBuilt(Stage::Chunk), "chunk (not built yet)"),
        ("unasked", WaitingFor::Review { gate: one, task: None }, "review gate 1"),
        ("asked", WaitingFor::Review { gate: two, task: Some(1) }, "review gate 2 (review 1)"),
        ("approved", WaitingFor::Stage(Stage::Translate), "translate"),
        ("capped", WaitingFor::Cap { stage: Stage::Adapt }, "a higher MAX_EPISODE_COST_USD, for adapt"),
        (
            "silent",
            WaitingFor::Person { task: 3 },
            "a person who runs it (review 3 rejected it without notes)",
        ),
        ("noted", WaitingFor::Stage(Stage::Adapt), "adapt"),
    ] {
        let found = waits_for(&world, episode).await;
        assert_eq!(found, expected, "{episode}");
        assert_eq!(found.to_string(), words, "{episode}");
        assert_eq!(serde_json::to_value(found).unwrap(), json!(words));
    }
}

#[tokio::test]
async fn filters_narrow_the_list_down() {
    let world = one_of_each();
    let all = OverviewFilter::default;
    let day = |text: &str| Some(text.parse().unwrap());
    let waiting = |kind: &str| OverviewFilter { waiting_for: Some(kind.parse().unwrap()), ..all() };
    let named = |ids: &[&str]| ids.iter().map(|id| id.parse().unwrap()).collect::<Vec<EpisodeId>>();
    for (filter, expected) in [
        (waiting("nothing"), vec!["nothing"]),
        (waiting("review"), vec!["asked", "unasked"]),
        (waiting("cap"), vec!["capped"]),
        (waiting("person"), vec!["silent"]),
        (waiting("correct"), vec!["stage"]),
        (waiting("chunk"), vec!["old"]),
        (waiting("imagegen"), vec![]),
        (OverviewFilter { status: Some(EpisodeStatus::Corrected), ..all() }, vec!["approved", "unasked"]),
        (OverviewFilter { status: Some(EpisodeStatus::Transcribed), ..waiting("person") }, vec!["silent"]),
        (OverviewFilter { search: Some("ASKED".to_owned()), ..all() }, vec!["asked", "unasked"]),
        (OverviewFilter { search: Some("un%".to_owned()), ..all() }, vec![]),
        (OverviewFilter { ids: named(&["stage", "ghost", "capped"]), ..all() }, vec!["stage", "capped"]),
        (OverviewFilter { ids: named(&["stage", "capped"]), ..waiting("cap") }, vec!["capped"]),
        (OverviewFilter { since: day("2100-01-01"), ..all() }, vec![]),
        (OverviewFilter { since: day("2026-11-22"), ..waiting("cap") }, vec!["capped"]),
    ] {
        let found = list(&world, filter.clone()).await;
        let ids: Vec<_> = found.episodes.iter().map(|episode| episode.episode_id.as_str()).collect();
        assert_eq!(ids, expected, "{filter:?}");
        assert_eq!(found.matching, expected.len(), "{filter:?}");
    }
}

#[test]
fn a_kind_to_wait_for_is_a_word_or_a_stage() {
    for (word, kind) in [
        ("nothing", WaitKind::Nothing),
        ("review", WaitKind::Review),
        ("cap", WaitKind::Cap),
        ("person", WaitKind::Person),
        ("imagegen", WaitKind::Stage(Stage::Imagegen)),
    ] {
        assert_eq!(word.parse::<WaitKind>(), Ok(kind));
    }
    for word in ["", "rain", "Review", "review gate 1"] {
        let error = word.parse::<WaitKind>().unwrap_err();
        assert!(error.contains("review, cap, person, nothing"), "{error}");
    }
}

/// Adds an episode with a title, a day of publication and a call that counts at this cost.
fn published(world: &World, episode: &str, title: &str, day: Option<&str>, micros: i64) {
    world.query(|conn| {
        let new = NewEpisode {
            episode_id: &episode.parse().unwrap(),
            channel_id: None,
            source: "rss",
            title,
            published_at: day.map(|day| format!("{day}T08:00:00Z").parse().unwrap()),
            duration_seconds: None,
            url: None,
            status: EpisodeStatus::Transcribed,
            output_dir: None,
            detected_at: "2026-11-05T08:00:00Z".parse().unwrap(),
            pipeline_version: PipelineVersion::V2,
        };
        let row = episodes::insert(conn, &new)?;
        if micros > 0 {
            testing::call(conn, &row, None, CallKind::Text, Usd::from_micros(micros));
        }
        Ok(())
    });
}

fn four_published() -> World {
    let world = World::new();
    published(&world, "b", "Äpfel und Birnen", Some("2026-11-01"), 30);
    published(&world, "d", "birnen", Some("2026-11-09"), 0);
    // Without a day of its own, the day on which it was found counts.
    published(&world, "c", "Zitronen", None, 50);
    published(&world, "a", "Birnen", Some("2026-11-03"), 30);
    world
}

#[tokio::test]
async fn lists_come_in_four_orders() {
    let world = four_published();
    for (order, expected) in [
        (EpisodeOrder::Newest, ["d", "c", "a", "b"]),
        (EpisodeOrder::Oldest, ["b", "a", "c", "d"]),
        (EpisodeOrder::Title, ["d", "a", "c", "b"]),
        (EpisodeOrder::Cost, ["c", "a", "b", "d"]),
    ] {
        assert_eq!(ids(&world, OverviewFilter { order, ..OverviewFilter::default() }).await, expected);
    }
    let named = ["b", "d"].map(|id| id.parse().unwrap()).to_vec();
    assert_eq!(ids(&world, OverviewFilter { ids: named, ..OverviewFilter::default() }).await, ["b", "d"]);
}

#[tokio::test]
async fn since_is_the_day_of_publication_or_else_of_finding() {
    let world = four_published();
    for (since, expected) in
        [("2026-11-03", vec!["d", "c", "a"]), ("2026-11-05", vec!["d", "c"]), ("2026-11-06", vec!["d"])]
    {
        let filter = OverviewFilter { since: Some(since.parse().unwrap()), ..OverviewFilter::default() };
        assert_eq!(ids(&world, filter).await, expected, "{since}");
        let pending = list_pending(&world.ctx.db, Some(since.parse().unwrap())).await.unwrap();
        let pending: Vec<_> = pending.iter().map(|episode| episode.episode_id.as_str()).collect();
        assert_eq!(pending, expected, "{since}");
    }
}

#[tokio::test]
async fn a_page_knows_how_long_the_whole_list_is() {
    let world = four_published();
    let orders = [EpisodeOrder::Newest, EpisodeOrder::Oldest, EpisodeOrder::Title, EpisodeOrder::Cost];
    for order in orders {
        let all = ids(&world, OverviewFilter { order, ..OverviewFilter::default() }).await;
        for (offset, limit) in [(0, 2), (1, 2), (2, 2), (3, 5), (9, 2), (0, 0), (1, usize::MAX)] {
            let filter = OverviewFilter { order, offset, limit: Some(limit), ..OverviewFilter::default() };
            let page = list(&world, filter).await;
            let shown: Vec<_> = page.episodes.iter().map(|e| e.episode_id.to_string()).collect();
            let expected: Vec<_> = all.iter().skip(offset).take(limit).cloned().collect();
            assert_eq!((shown, page.matching), (expected, 4), "{order:?} {offset} {limit}");
        }
    }
    let search = Some("birnen".to_owned());
    let filter = OverviewFilter { search, limit: Some(1), ..OverviewFilter::default() };
    let page = list(&world, filter).await;
    assert_eq!((page.episodes.len(), page.matching), (1, 3), "all that the search finds");
}

#[tokio::test]
async fn an_overview_has_cost_cap_steps_and_the_last_error() {
    let world = World::transcribed();
    world.answer(Stage::Correct, |_| Ok("Gern!".to_owned()));
    world.run().await;
    let found = list(&world, OverviewFilter::default()).await;
    let episode = &found.episodes[0];
    assert_eq!((episode.cost, episode.cap, episode.retry_count), (TEXT, CAP, 1));
    assert_eq!((episode.pipeline_version, episode.steps.len()), (2, 9));
    let json = serde_json::to_value(episode).unwrap();
    assert_eq!(json["cost_usd"], json!(0.0007));
    assert_eq!(json["waiting_for"], "correct");
    assert!(json["error"].as_str().unwrap().contains("<corrected_transcript>"), "{json:#}");
    assert!(json.get("steps").is_none(), "they are for pages, not for JSON");
}

#[tokio::test]
async fn three_costly_failures_in_a_row_wait_for_a_person() {
    let world = World::transcribed();
    world.answer(Stage::Correct, |_| Ok("Gern!".to_owned()));
    for run in 1..=4 {
        assert_eq!(pending(&world).await.len(), usize::from(run <= 3), "before run {run}");
        world.run().await;
    }
    let waits = waits_for(&world, EP).await;
    assert_eq!(waits, WaitingFor::Retry { failures: 4 });
    assert!(waits.is(WaitKind::Person));
    assert!(waits.to_string().contains("4 runs in a row have cost money and failed"), "{waits}");

    world.answer_as_usual();
    world.run().await;
    assert!(matches!(waits_for(&world, EP).await, WaitingFor::Review { .. }));
    // What went well ends the row: two failures of the next try are not yet too many.
    world.decide(1, changes("Kürzer.")).await.unwrap();
    world.answer(Stage::Correct, |_| Ok("Gern!".to_owned()));
    world.run().await;
    world.run().await;
    assert_eq!(waits_for(&world, EP).await, WaitingFor::Stage(Stage::Correct));
}

#[tokio::test]
async fn failures_that_cost_nothing_dont_stop_a_timer() {
    let world = World::transcribed();
    world.answer(Stage::Correct, |_| {
        Err(btcedu_clients::ApiFailure::new(btcedu_clients::FailureKind::QuotaExhausted, "empty"))
    });
    for _run in 0..4 {
        world.run().await;
    }
    assert_eq!(pending(&world).await, [(EP.to_owned(), Stage::Correct)]);
    world.answer(Stage::Correct, |text| Ok(usual_reply(Stage::Correct, text)));
    world.run().await;
    assert_eq!(pending(&world).await, [], "a reviewer comes next");
}

#[tokio::test]
async fn a_timer_takes_what_needs_no_person_and_the_capped_last() {
    let world = one_of_each();
    let expected = [
        ("noted".to_owned(), Stage::Adapt),
        ("approved".to_owned(), Stage::Translate),
        ("stage".to_owned(), Stage::Correct),
        ("capped".to_owned(), Stage::Adapt),
    ];
    assert_eq!(pending(&world).await, expected);
    let found = list_pending(&world.ctx.db, None).await.unwrap();
    assert_eq!(
        (found[3].status, found[3].title.as_str()),
        (EpisodeStatus::CostLimit, "Bitcoin erklärt: capped")
    );
}
