//! Every status of both pipelines, and the step that is next there.

use super::*;

fn plan(version: PipelineVersion, status: EpisodeStatus, last: Option<Stage>, gates: Gates) -> PipelinePlan {
    let position = Position { version, status, stopped_in: last };
    resolve_pipeline_plan(&"ep1".parse().unwrap(), position, gates, PlanFlags::default())
}

fn next(version: PipelineVersion, status: EpisodeStatus, last: Option<Stage>) -> Option<&'static str> {
    plan(version, status, last, Gates::default()).next().map(PlannedStep::name)
}

#[test]
fn v2_puts_imagegen_after_chapterized_with_no_gate_between() {
    let plan = plan(PipelineVersion::V2, EpisodeStatus::Chapterized, None, Gates::default());
    let names: Vec<_> = plan.steps.iter().map(PlannedStep::name).collect();
    assert_eq!(&names[names.len() - 2..], ["chapterize", "imagegen"]);
    assert_eq!(plan.next().unwrap().state, StepState::Next);
}

#[test]
fn each_status_of_v2_leads_to_its_next_step() {
    use EpisodeStatus as S;
    let rows = [
        (S::New, Some("download")),
        (S::Downloaded, Some("transcribe")),
        (S::Transcribed, Some("correct")),
        (S::Corrected, Some("review gate 1")),
        (S::Translated, Some("adapt")),
        (S::Adapted, Some("review gate 2")),
        (S::Chapterized, Some("imagegen")),
        (S::ImagesGenerated, None),
        (S::TtsDone, None),
        (S::Published, None),
    ];
    for (status, wanted) in rows {
        assert_eq!(next(PipelineVersion::V2, status, None), wanted, "{status}");
    }
}

#[test]
fn an_approved_gate_is_done_and_a_rejected_one_waits() {
    let approved = Gates { correct: Some(ReviewStatus::Approved), adapt: None };
    let plan_after = plan(PipelineVersion::V2, EpisodeStatus::Corrected, None, approved);
    assert_eq!(plan_after.next().unwrap().name(), "translate");
    let sent_back = Gates { correct: Some(ReviewStatus::Rejected), adapt: None };
    let plan_back = plan(PipelineVersion::V2, EpisodeStatus::Corrected, None, sent_back);
    assert_eq!(plan_back.next().unwrap().state, StepState::Waiting);
}

#[test]
fn a_v1_plan_holds_no_v2_stage_and_goes_its_own_way() {
    use EpisodeStatus as S;
    let rows = [
        (S::New, Some("download")),
        (S::Transcribed, Some("chunk")),
        (S::Chunked, Some("generate")),
        (S::Generated, Some("refine")),
        (S::Refined, None),
        (S::Completed, None),
    ];
    for (status, wanted) in rows {
        assert_eq!(next(PipelineVersion::V1, status, None), wanted, "{status}");
        let plan = plan(PipelineVersion::V1, status, None, Gates::default());
        let names: Vec<_> = plan.steps.iter().map(PlannedStep::name).collect();
        assert_eq!(names, ["download", "transcribe", "chunk", "generate", "refine"]);
    }
}

#[test]
fn a_cost_limit_is_resumed_in_the_stage_that_ran_last() {
    let wanted = next(PipelineVersion::V2, EpisodeStatus::CostLimit, Some(Stage::Imagegen));
    assert_eq!(wanted, Some("imagegen"));
    assert_eq!(next(PipelineVersion::V2, EpisodeStatus::CostLimit, Some(Stage::Adapt)), Some("adapt"));
}

#[test]
fn a_stage_that_is_not_built_says_so_and_refresh_looks_back_only_at_built_ones() {
    let stuck = plan(PipelineVersion::V2, EpisodeStatus::Downloaded, None, Gates::default());
    assert_eq!(stuck.next().unwrap().state, StepState::NotBuilt);
    let position =
        Position { version: PipelineVersion::V2, status: EpisodeStatus::ImagesGenerated, stopped_in: None };
    let id = "ep1".parse().unwrap();
    let plan = resolve_pipeline_plan(&id, position, Gates::default(), PlanFlags { refresh: true });
    let again: Vec<_> =
        plan.steps.iter().filter(|s| s.state == StepState::LookAgain).map(PlannedStep::name).collect();
    assert_eq!(again, ["correct", "translate", "adapt", "chapterize", "imagegen"]);
}
