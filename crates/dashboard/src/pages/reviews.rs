//! The queue of reviews, and approving several at once.

use actix_session::Session;
use actix_web::{HttpRequest, HttpResponse, web};
use btcedu_artifacts::{DataDir, EpisodeDir};
use btcedu_domain::{ReviewStage, Sha256Hash, UtcTime};
use btcedu_models::review_tasks::{self, TaskSelection};
use btcedu_pipeline::{Decision, ReviewView, Step, Verdict};
use serde::Deserialize;

use super::{Loaded, follow, page_with_forms, render_now};
use crate::{
    answer::{Body, Freshness},
    error::WebError,
    forms::{Fields, leave_notice, see_other},
    state::{AppState, Reader},
    templates::{PageName, words},
    views::reviews::{ReviewRowView, ReviewsView},
};

/// Decisions on the page, at most: the newest.
const MAX_DECIDED: i64 = 50;

/// Shows the queue.
pub(crate) async fn page(
    state: web::Data<AppState>,
    session: Session,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    let version = state.version(None).await?;
    let Loaded { title, view, pending_reviews } = load(&state).await?;
    let mut page = page_with_forms(&state, &session, PageName::Reviews, &title, pending_reviews)?;
    follow(&mut page, None, &version);
    render_now(&state, &request, &page, &view)
}

/// Answers with the queue as JSON.
#[utoipa::path(
    get, path = "/api/v1/reviews", operation_id = "list_reviews",
    responses((status = 200, description = "What waits, and what was decided", body = ReviewsView)),
)]
pub(crate) async fn api(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, WebError> {
    Ok(Body::json(&load(&state).await?.view)?.respond(&request, Freshness::AskAgain))
}

async fn load(state: &AppState) -> Result<Loaded<ReviewsView>, WebError> {
    let pending = state.desk.list_reviews(TaskSelection::Open).await?;
    let mut decided = state.desk.list_reviews(TaskSelection::Decided(MAX_DECIDED)).await?;
    decided.sort_by_key(|review| std::cmp::Reverse(review.reviewed_at));
    let read = move |reader: &Reader| {
        let rows = |reviews: Vec<ReviewView>| reviews.into_iter().map(|review| row(reader, review)).collect();
        let total = reader.rows(review_tasks::count_decided)?;
        let view = ReviewsView {
            pending: rows(pending),
            decided: rows(decided),
            decided_total: usize::try_from(total).unwrap_or(0),
        };
        Loaded::new(reader, "Reviews", view)
    };
    state.read(read).await
}

/// Only the counts of a diff, of either kind.
#[derive(Debug, Deserialize)]
struct DiffSize {
    summary: Totals,
}

#[derive(Debug, Deserialize)]
struct Totals {
    #[serde(alias = "total_adaptations")]
    total_changes: usize,
}

/// Shows a review in short; reads the disk.
pub(super) fn row(reader: &Reader, review: ReviewView) -> ReviewRowView {
    let dir = reader.data.episode(&review.episode_id);
    // The diff of a review that was decided may be of another text by now.
    let size = review.status.is_open().then(|| size_of_diff(&reader.data, &dir, review.stage)).flatten();
    ReviewRowView {
        id: review.id,
        gate: Step::Gate(review.stage).name().to_owned(),
        stage: review.stage.to_string(),
        status: review.status.to_string(),
        age: age(reader.now, review.created_at),
        changes: size,
        seen: review.artifact_hash.map(|hash| hash.to_string()).unwrap_or_default(),
        changed: review.text_changed,
        blocked: blocked(&review),
        episode_id: review.episode_id,
        title: review.title,
        created_at: review.created_at,
        reviewed_at: review.reviewed_at,
        notes: review.notes,
    }
}

fn size_of_diff(data: &DataDir, dir: &EpisodeDir, gate: ReviewStage) -> Option<usize> {
    let diff: DiffSize = data.read_json(&dir.review_diff(gate)).ok()??;
    Some(diff.summary.total_changes)
}

fn blocked(review: &ReviewView) -> Option<String> {
    if !review.status.is_open() {
        return Some(format!("it was decided already: {}", words(review.status.as_str())));
    }
    if let Some(reason) = &review.out_of_date {
        return Some(format!("an earlier text has changed ({reason}), so this one is made anew first"));
    }
    review.text_changed.then(|| {
        "the text on the disk is another one than the review's; take it up first, or put the other back"
            .to_owned()
    })
}

/// Says how long ago something was, in the largest unit that fits.
fn age(now: UtcTime, then: UtcTime) -> String {
    let seconds = now.since(then).as_secs();
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// Approves the chosen reviews, each for the text that was seen.
pub(crate) async fn approve(
    state: web::Data<AppState>,
    session: Session,
    fields: Fields,
) -> Result<HttpResponse, WebError> {
    fields.check(&session)?;
    let (mut approved, mut problems) = (0, Vec::new());
    for chosen in fields.all("review") {
        let Some(Chosen { task, seen }) = Chosen::parse(chosen) else {
            return Err(WebError::BadInput("the form names a review in a way that can't be read".to_owned()));
        };
        let decision =
            Decision { task, verdict: &Verdict::Approve, seen: Some(seen), command: "btcedu web: approve" };
        match state.desk.decide_review(decision).await.map_err(WebError::from) {
            Ok(_) => approved += 1,
            Err(error @ WebError::Internal(_)) => return Err(error),
            Err(error) => problems.push(error.to_string()),
        }
    }
    let done = match approved {
        0 => "nothing was approved".to_owned(),
        1 => "1 review was approved; `btcedu run-pending` goes on".to_owned(),
        more => format!("{more} reviews were approved; `btcedu run-pending` goes on"),
    };
    if problems.is_empty() {
        let told = if approved == 0 { "choose the reviews to approve first".to_owned() } else { done };
        leave_notice(&session, if approved == 0 { "problem" } else { "done" }, told)?;
    } else {
        leave_notice(&session, "problem", format!("{done}; {}", problems.join("; ")))?;
    }
    Ok(see_other(&state.base, "/reviews"))
}

/// A review that was chosen in the queue, with the text that was seen.
struct Chosen {
    task: i64,
    seen: Sha256Hash,
}

impl Chosen {
    /// Reads `NUMBER:HASH`.
    fn parse(text: &str) -> Option<Self> {
        let (task, seen) = text.split_once(':')?;
        Some(Self { task: task.parse().ok()?, seen: seen.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let then: UtcTime = "2026-11-22T10:00:00Z".parse().unwrap();
        for (now, expected) in [
            ("2026-11-22T10:00:59Z", "just now"),
            ("2026-11-22T10:01:00Z", "1 minute"),
            ("2026-11-22T12:59:00Z", "2 hours"),
            ("2026-11-23T09:59:00Z", "23 hours"),
            ("2026-11-25T10:00:00Z", "3 days"),
            ("2026-11-22T09:00:00Z", "just now"),
        ] {
            assert_eq!(age(now.parse().unwrap(), then), expected, "{now}");
        }
    }

    #[test]
    fn both_kinds_of_diffs_tell_their_size() {
        for text in
            [r#"{"summary": {"total_changes": 7}}"#, r#"{"summary": {"total_adaptations": 7, "x": 1}}"#]
        {
            assert_eq!(serde_json::from_str::<DiffSize>(text).unwrap().summary.total_changes, 7);
        }
    }
}
