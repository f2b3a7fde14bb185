//! Commands that look at many episodes: their time with ten thousand in the database.

use btcedu_domain::{
    CallId, CallKind, CallState, EpisodeId, EpisodeRowId, EpisodeStatus, PipelineVersion, ReviewStage,
    ReviewStatus, RunId, RunStatus, Sha256Hash, Stage, Usd, UtcTime,
};
use btcedu_models::{
    Conn, Db, DbConfig, DbError,
    episodes::{self, Episode, NewEpisode},
    pipeline_runs::{self, NewRun},
    provider_calls::{self, NewCall, Settlement},
    review_tasks::{self, NewReviewTask},
};
use btcedu_testkit::TestEnv;

use crate::{Line, measure, milliseconds};

const EPISODES: usize = 10_000;
/// How often each command is run.
const ROUNDS: usize = 15;
/// Episodes get these statuses in turn, so that every reason to wait occurs.
const STATUSES: [EpisodeStatus; 8] = [
    EpisodeStatus::Transcribed,
    EpisodeStatus::Corrected,
    EpisodeStatus::Translated,
    EpisodeStatus::Adapted,
    EpisodeStatus::Chapterized,
    EpisodeStatus::ImagesGenerated,
    EpisodeStatus::CostLimit,
    EpisodeStatus::New,
];

/// Measures the commands that a timer and a person use most.
///
/// # Errors
/// If the database can't be filled or a command fails.
pub(crate) async fn commands(program: &str, lines: &mut Vec<Line>) -> anyhow::Result<()> {
    let env = TestEnv::start(program).await;
    let db = Db::open(&DbConfig { path: env.data().join("btcedu.db"), ..DbConfig::default() })?;
    db.migrate().await?;
    let ids =
        (0..EPISODES).map(|number| format!("ep{number}").parse()).collect::<Result<Vec<EpisodeId>, _>>()?;
    let at = "2026-11-01T10:00:00Z".parse()?;
    db.transaction(move |conn| fill(conn, &ids, at)).await?;
    drop(db);
    for command in [&["status"][..], &["run-pending", "--dry-run"], &["plan", "ep5003"]] {
        let median = measure::median(&env, command, ROUNDS).await?;
        lines.push(Line {
            what: format!("`{}`, ten thousand episodes", command.join(" ")),
            figure: milliseconds(median.wall),
            target: "under 150 ms",
        });
    }
    Ok(())
}

/// Per episode three runs, a review of each gate it has passed, and a dozen settled calls.
fn fill(conn: &mut Conn, ids: &[EpisodeId], at: UtcTime) -> Result<(), DbError> {
    for ((number, id), status) in ids.iter().enumerate().zip(STATUSES.into_iter().cycle()) {
        let episode = insert_episode(conn, id, status, at)?;
        for stage in [Stage::Correct, Stage::Translate, Stage::Adapt] {
            let new = NewRun { episode_id: episode.id, stage, started_at: at };
            let run = pipeline_runs::insert(conn, &new)?;
            pipeline_runs::set_finished(conn, run, RunStatus::Success, at, None)?;
            for _ in 0..4 {
                insert_call(conn, episode.id, run, stage, at)?;
            }
        }
        for gate in ReviewStage::ALL {
            let task = NewReviewTask {
                episode_id: &episode.episode_id,
                stage: *gate,
                artifact_paths: "[]",
                diff_path: None,
                prompt_version_id: None,
                created_at: at,
                artifact_hash: None,
            };
            let task = review_tasks::insert(conn, &task)?;
            if number % 3 > 0 {
                review_tasks::set_status(conn, task.id, ReviewStatus::Approved, Some(at), None)?;
            }
        }
    }
    Ok(())
}

fn insert_episode(
    conn: &mut Conn,
    id: &EpisodeId,
    status: EpisodeStatus,
    at: UtcTime,
) -> Result<Episode, DbError> {
    let title = format!("Folge {id}: Was ist eigentlich Geld?");
    let new = NewEpisode {
        episode_id: id,
        channel_id: None,
        source: "local",
        title: &title,
        published_at: None,
        duration_seconds: None,
        url: None,
        status,
        output_dir: None,
        detected_at: at,
        pipeline_version: PipelineVersion::V2,
    };
    episodes::insert(conn, &new)
}

/// Inserts an answered call: for a picture if the stage is imagegen, for a text otherwise.
pub(crate) fn insert_call(
    conn: &mut Conn,
    row: EpisodeRowId,
    run: RunId,
    stage: Stage,
    at: UtcTime,
) -> Result<(), DbError> {
    let (id, cost) = (CallId::new(), Usd::from_micros(40_000));
    let new = NewCall {
        call_id: id,
        episode_id: row,
        run_id: Some(run),
        stage,
        chapter_id: None,
        kind: if stage == Stage::Imagegen { CallKind::Image } else { CallKind::Text },
        model: btcedu_testkit::IMAGE_MODEL,
        request_hash: Sha256Hash::of_bytes(id.to_string().as_bytes()),
        estimated: cost,
        sent_at: at,
    };
    provider_calls::insert(conn, &new)?;
    let settlement = Settlement {
        state: CallState::Answered,
        actual: Some(cost),
        tokens_in: Some(2_000),
        tokens_out: Some(3_000),
        reply: None,
        request_id: None,
        error: None,
        settled_at: at,
    };
    provider_calls::set_settled(conn, id, &settlement)
}
