//! Templates that change: before a run, and while it runs.

use btcedu_clients::MockLanguageModel;
use btcedu_domain::{EpisodeStatus, Sha256Hash, VisualType};
use btcedu_imagegen::{MockImageGenService, ModelCheck};
use btcedu_models::prompt_versions;
use btcedu_stages::BuiltStage;

use crate::{
    text_world::{PLAIN, answer, read},
    world::{PICTURE, World, picture, text, texts},
};

/// The body of each registered version of a template, oldest first.
async fn bodies(world: &World, name: &'static str) -> Vec<(i32, Sha256Hash, String)> {
    let mut versions = world.rows(move |conn, _| prompt_versions::list(conn, name)).await;
    versions.sort_by_key(|version| version.version);
    versions.into_iter().map(|v| (v.version, v.content_hash, v.body)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_changed_template_makes_the_text_anew() {
    for (name, from, to) in [
        ("correct_transcript", "Correct a segment", "Mend a segment"),
        ("system", "You work in", "You are part of"),
    ] {
        let mut world = World::at(EpisodeStatus::Transcribed);
        world.use_own_templates();
        world.make(BuiltStage::Correct).await;
        world.rewording(name, from, to)();
        let run = world.make(BuiltStage::Correct).await;
        assert_eq!(run.text.reason, format!("the template {name} has changed (version 1 → 2)"));
        assert_eq!((run.text.reused, world.asked_times()), (0, 2));
        let sent = &world.asked()[1];
        let words = [sent.system.as_deref(), sent.cached_prefix.as_deref()].map(Option::unwrap_or_default);
        assert!(words.concat().contains(to), "{name}");
        let made = world.provenance(BuiltStage::Correct);
        let versions = (made.prompt_version, made.extra.system_prompt_version);
        assert_eq!(versions, if name == "system" { (Some(1), 2) } else { (Some(2), 1) });

        world.rewording(name, to, from)();
        let run = world.make(BuiltStage::Correct).await;
        assert_eq!((run.text.reused, world.asked_times()), (1, 2), "the earlier wording's answer is paid");
    }
}

#[tokio::test(start_paused = true)]
async fn a_template_that_is_saved_after_a_run_has_read_it_belongs_to_the_next_run() {
    for (name, from, to) in [
        ("correct_transcript", "Correct a segment", "Mend a segment"),
        ("system", "You work in", "You are part of"),
    ] {
        let mut world = World::at(EpisodeStatus::Transcribed);
        world.use_own_templates();
        let mut model = MockLanguageModel::new();
        // Asked after the decision and before the run is opened.
        let save = world.rewording(name, from, to);
        model.expect_check_ready().returning(move |_| {
            save();
            Ok(())
        });
        world.teach(&mut model, |request, _| answer(request));
        world.run_text(BuiltStage::Correct, &PLAIN, model).await.unwrap();

        let [(version, hash, body)] = <[_; 1]>::try_from(bodies(&world, name).await).unwrap();
        assert!(version == 1 && body.contains(from) && !body.contains(to), "what was sent is registered");
        let sent = &world.asked()[0];
        let words = [sent.system.as_deref(), sent.cached_prefix.as_deref()].map(Option::unwrap_or_default);
        assert!(words.concat().contains(from) && !words.concat().contains(to), "{name}");
        let made = world.provenance(BuiltStage::Correct);
        let named = if name == "system" { Some(made.extra.system_prompt_hash) } else { made.prompt_hash };
        assert_eq!(named, Some(hash));
        let task = world.waiting().await;
        let own = world.rows(|conn, _| prompt_versions::list(conn, "correct_transcript")).await;
        let [own] = own.as_slice() else { panic!("{own:?}") };
        assert_eq!((Some(own.id), Some(own.content_hash)), (task.prompt_version_id, made.prompt_hash));

        let run = world.make(BuiltStage::Correct).await;
        assert_eq!(run.text.reason, format!("the template {name} has changed (version 1 → 2)"));
        assert_eq!(bodies(&world, name).await.len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_template_that_is_saved_while_pictures_are_prepared_belongs_to_the_next_run() {
    let mut world = World::of(&[(VisualType::Diagram, None)]);
    world.use_own_templates();
    let template =
        read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../prompts/imagegen.md").as_path());
    let line = template.rsplit("---\n").next().unwrap().lines().next().unwrap().to_owned();
    let save = world.rewording("imagegen", &line, "Anders.");
    let mut service = MockImageGenService::new();
    service.expect_check_model().returning(move |_| {
        save();
        Ok(ModelCheck::NotChecked)
    });
    service.expect_generate_image().returning(|request| picture(&request.prompt));
    service.expect_estimate().returning(|_| Some(PICTURE));
    service.expect_concurrency().return_const(4_usize);
    let asked = world.asked.clone();
    let model = texts(move |request| {
        asked.lock().unwrap().push(request.clone());
        text("A coin.", btcedu_clients::StopReason::EndTurn)
    });
    assert_eq!(world.run(service, model).await.unwrap().pictures.counts.generated, 1);
    let [(_, hash, body)] = <[_; 1]>::try_from(bodies(&world, "imagegen").await).unwrap();
    assert!(body.contains(&line) && !body.contains("Anders."));
    assert!(world.asked()[0].prompt.contains(&line), "{}", world.asked()[0].prompt);
    let made: serde_json::Value =
        serde_json::from_str(&read(&world.dir().provenance(btcedu_domain::Stage::Imagegen))).unwrap();
    assert_eq!(made["prompt_hash"], hash.to_string());
    assert_eq!(made["chapters"][0]["prompt_hash"], hash.to_string());
}
