//! Where a picture's prompt comes from, and what a text that can't be used costs.

use std::sync::{Arc, Mutex};

use btcedu_chapters::testing::{document_of, narrate, settle};
use btcedu_clients::{ApiFailure, FailureKind, StopReason, TextRequest};
use btcedu_domain::{CallKind, CallState, Usd, VisualType};
use btcedu_stages::StageEnd;

use crate::world::{
    Asked, PICTURE, TEXT, World, images, no_images, no_texts, picture, rejected, text, texts,
};

fn bad_request() -> ApiFailure {
    ApiFailure::new(FailureKind::BadRequest, "no")
}

#[tokio::test(start_paused = true)]
async fn a_chapters_own_prompt_is_sent_as_it_stands_and_no_text_model_is_asked() {
    let world = World::of(&[(VisualType::Diagram, Some("  A coin. \n"))]);
    let asked = Asked::default();
    let (notes, clock) = (asked.clone(), world.clock.clone());
    let service = images(move |prompt, _| {
        notes.note(prompt, &clock);
        picture(prompt)
    });
    let result = world.run(service, no_texts()).await.unwrap();
    assert_eq!((result.pictures.counts.generated, result.end.clone()), (1, StageEnd::Done));
    assert_eq!(asked.all()[0].0, "A coin.");
    assert!(world.picture("ch01").exists());
    assert_eq!(result.cost, PICTURE);
}

#[tokio::test(start_paused = true)]
async fn without_one_the_template_is_rendered_with_the_chapter_and_the_answer_is_sent() {
    let mut document = document_of(&[(VisualType::BRoll, None)]);
    document.chapters[0].title = "Madenciler".to_owned();
    document.chapters[0].visual.description = "Bir salon dolusu makine".to_owned();
    narrate(&mut document.chapters[0], &format!("{}SINIR burada biter", "ş".repeat(295)));
    settle(&mut document);
    let mut world = World::with(&document);
    world.settings.image.style_prefix = "Flat style.".to_owned();
    let seen: Arc<Mutex<Vec<TextRequest>>> = Arc::default();
    let notes = seen.clone();
    let model = texts(move |request| {
        notes.lock().unwrap().push(request.clone());
        text("Here is your prompt:\n\n\"A hall of machines.\"", StopReason::EndTurn)
    });
    let asked = Asked::default();
    let (sent, clock) = (asked.clone(), world.clock.clone());
    let service = images(move |prompt, _| {
        sent.note(prompt, &clock);
        picture(prompt)
    });
    let result = world.run(service, model).await.unwrap();
    assert_eq!(asked.all()[0].0, "Flat style. A hall of machines.");
    assert_eq!(result.cost, PICTURE + TEXT);

    let seen = seen.lock().unwrap();
    let request = &seen[0];
    for part in ["Madenciler", "Bir salon dolusu makine", "b_roll", "Flat style.", "SINIR"] {
        assert!(request.prompt.contains(part), "{part} is not in {}", request.prompt);
    }
    assert!(!request.prompt.contains("burada"), "300 characters of narration are sent, and no more");
    assert!(!request.prompt.contains("{{") && !request.prompt.contains("{%"));
    assert_eq!((request.model.as_str(), request.max_tokens), ("claude-sonnet-5-5", 1024));
}

#[tokio::test(start_paused = true)]
async fn the_set_text_model_takes_the_templates_place() {
    let mut world = World::of(&[(VisualType::Diagram, None)]);
    world.settings.claude_model = Some("claude-haiku-5-5".to_owned());
    let model = texts(|request| {
        assert_eq!(request.model, "claude-haiku-5-5");
        text("A coin.", StopReason::EndTurn)
    });
    assert_eq!(
        world.run(images(|prompt, _| picture(prompt)), model).await.unwrap().pictures.counts.generated,
        1
    );
}

#[tokio::test(start_paused = true)]
async fn paid_text_is_used_again_where_its_picture_failed() {
    let world = World::of(&[(VisualType::Diagram, None)]);
    let model = texts(|_| text("A coin.", StopReason::EndTurn));
    let first = world.run(images(|_, _| Err(bad_request())), model).await.unwrap();
    assert!(matches!(first.end, StageEnd::Failed { .. }));
    let second = world.run(images(|prompt, _| picture(prompt)), no_texts_but_ready()).await.unwrap();
    assert_eq!((second.pictures.counts.generated, second.cost), (1, PICTURE));
    assert_eq!(second.episode_cost, PICTURE + TEXT);
    let texts = world.ledger().await.into_iter().filter(|c| c.kind == CallKind::Text).count();
    assert_eq!(texts, 1);
}

/// A model that could be asked, and must not be.
fn no_texts_but_ready() -> btcedu_clients::MockLanguageModel {
    texts(|request| panic!("a text was asked for: {}", request.prompt))
}

#[tokio::test(start_paused = true)]
async fn a_text_that_cannot_be_used_fails_its_chapter_counts_its_money_and_is_asked_for_anew() {
    for (words, stop, told) in [
        ("A coi", StopReason::MaxTokens, "cut off"),
        ("", StopReason::Refusal, "refused"),
        ("", StopReason::EndTurn, "empty"),
        ("\"\"", StopReason::EndTurn, "empty"),
        ("A coin.", StopReason::ToolUse, "tool_use"),
        ("A coi", StopReason::ContextWindowExceeded, "model_context_window_exceeded"),
    ] {
        let world = World::of(&[(VisualType::Diagram, None), (VisualType::Diagram, Some("A chain."))]);
        let reason = stop.clone();
        let model = texts(move |_| text(words, reason.clone()));
        let result = world.run(images(|prompt, _| picture(prompt)), model).await.unwrap();
        assert_eq!((result.pictures.counts.generated, result.pictures.counts.failed), (1, 1), "{stop}");
        assert!(matches!(result.end, StageEnd::DonePartly { .. }), "{stop}");
        let error = result.pictures.chapters[0].error.clone().unwrap();
        assert!(error.contains(told), "{stop}: {error}");
        assert_eq!(result.cost, PICTURE + TEXT, "{stop}");

        let again = texts(|_| text("A coin.", StopReason::EndTurn));
        let result = world.run(images(|prompt, _| picture(prompt)), again).await.unwrap();
        assert_eq!((result.pictures.counts.generated, result.pictures.counts.kept), (1, 1), "{stop}");
        let of_texts: Vec<CallState> =
            world.ledger().await.into_iter().filter(|c| c.kind == CallKind::Text).map(|c| c.state).collect();
        assert_eq!(of_texts, [CallState::Failed, CallState::Answered], "{stop}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_that_comes_late_is_tried_again_like_a_picture() {
    let world = World::of(&[(VisualType::Diagram, None)]);
    let tries = Mutex::new(0);
    let model = texts(move |_| {
        let mut tries = tries.lock().unwrap();
        *tries += 1;
        let retry_after = Some(std::time::Duration::from_secs(5));
        match *tries {
            1..=2 => Err(ApiFailure { retry_after, ..ApiFailure::new(FailureKind::RateLimited, "m") }),
            _ => text("A coin.", StopReason::EndTurn),
        }
    });
    let result = world.run(images(|prompt, _| picture(prompt)), model).await.unwrap();
    assert_eq!(result.pictures.counts.generated, 1);
    let waits: Vec<u64> = world.clock.sleeps().iter().map(std::time::Duration::as_secs).collect();
    assert_eq!(waits, [5, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_written_prompt_whose_picture_was_refused_is_written_anew_only_when_asked_for() {
    let world = World::of(&[(VisualType::Diagram, None), (VisualType::Diagram, Some("A chain."))]);
    let model = texts(|_| text("A bad coin.", StopReason::EndTurn));
    let service = images(|prompt, _| if prompt.contains("bad") { rejected() } else { picture(prompt) });
    let first = world.run(service, model).await.unwrap();
    assert_eq!((first.pictures.counts.generated, first.pictures.counts.rejected), (1, 1));
    let second = world.run(no_images(), no_texts()).await.unwrap();
    assert_eq!(
        (second.pictures.counts.kept, second.pictures.counts.rejected, second.cost),
        (1, 1, Usd::ZERO)
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_key_for_texts_no_picture_is_bought_either() {
    let world = World::of(&[(VisualType::Diagram, Some("A chain.")), (VisualType::Diagram, None)]);
    let mut model = btcedu_clients::MockLanguageModel::new();
    model
        .expect_check_ready()
        .returning(|_| Err(ApiFailure::new(FailureKind::MissingKey, "set ANTHROPIC_API_KEY")));
    let error = world.run(no_images(), model).await.unwrap_err();
    assert_eq!(btcedu_domain::Kinded::kind(&error), btcedu_domain::ErrorKind::Usage);
    assert!(error.to_string().contains("ANTHROPIC_API_KEY"));
    assert!(world.ledger().await.is_empty());
}
