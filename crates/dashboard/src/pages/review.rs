//! One review: the changes, and the decision.

use actix_session::Session;
use actix_web::{HttpRequest, HttpResponse, web};
use btcedu_artifacts::{DataDir, EpisodeDir, FileError};
use btcedu_domain::{ReviewStage, Sha256Hash};
use btcedu_models::review_tasks::{TaskSelection, list_with_titles};
use btcedu_pipeline::{Decision, ReviewView, Verdict, load_history};
use btcedu_texts::{AdaptationDiff, CorrectionDiff, apply_changes, passages, plain};
use serde::Deserialize;

use super::{
    Loaded,
    episode::record,
    follow,
    gather::{self, TextKind, paragraphs},
    page_with_forms, path_part, render_now,
    reviews::row,
    text::read_text,
};
use crate::{
    answer::{Body, Freshness},
    error::WebError,
    forms::{Fields, leave_notice, see_other},
    markup::{Marked, is_marked, script_html},
    state::{AppState, Reader},
    templates::PageName,
    views::{
        parts::CommandView,
        passage::{PassageView, Wanted},
        review::{AdaptationPageView, AdaptationView, ChangeSummaryView, CountView, ReviewPageView},
    },
};

/// How the changes are to be shown.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    view: String,
    #[serde(default)]
    only: String,
    #[serde(default)]
    changes: String,
}

/// Shows the review.
pub(crate) async fn page(
    state: web::Data<AppState>,
    session: Session,
    request: HttpRequest,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    let task = task_of(&request)?;
    let episode = state.desk.find_review(task).await?.episode_id;
    let version = state.version(Some(&episode)).await?;
    let Loaded { title, view, pending_reviews } = load(&state, task, asked.into_inner()).await?;
    let mut page = page_with_forms(&state, &session, PageName::Review, &title, pending_reviews)?;
    follow(&mut page, Some(&episode), &version);
    render_now(&state, &request, &page, &view)
}

/// Answers with the review as JSON.
#[utoipa::path(
    get, path = "/api/v1/reviews/{review}", operation_id = "review",
    params(
        ("review" = i64, Path, description = "The review's number"),
        ("only" = Option<String>, Query, description = "Only changes of this category, or T1 or T2; the others are dimmed"),
        ("changes" = Option<String>, Query, description = "`only` leaves out passages without a change"),
    ),
    responses(
        (status = 200, description = "The review with its changes", body = ReviewPageView),
        (status = 404, description = "There is no such review"),
    ),
)]
pub(crate) async fn api(
    state: web::Data<AppState>,
    request: HttpRequest,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    let loaded = load(&state, task_of(&request)?, asked.into_inner()).await?;
    Ok(Body::json(&loaded.view)?.respond(&request, Freshness::AskAgain))
}

fn task_of(request: &HttpRequest) -> Result<i64, WebError> {
    path_part(request, "review", "review")
}

async fn load(state: &AppState, task: i64, asked: Asked) -> Result<Loaded<ReviewPageView>, WebError> {
    let review = state.desk.find_review(task).await?;
    state.read(move |reader| load_view(reader, review, asked)).await
}

fn load_view(reader: &Reader, review: ReviewView, asked: Asked) -> Result<Loaded<ReviewPageView>, WebError> {
    let dir = reader.data.episode(&review.episode_id);
    let episode = gather::episode(reader, dir.id())?;
    let history = reader.rows(|conn| load_history(conn, dir.id()))?;
    let waiting = reader.rows(|conn| list_with_titles(conn, TaskSelection::Open))?;
    let changes = Changes::load(&reader.data, &dir, &review, &asked)?;
    let (gate, warnings) = (review.stage, review.warnings.clone());
    let review = row(reader, review);
    let of_gate = history.reviews.into_iter().rev().filter(|known| known.stage == gate);
    let title = format!("Review {}: {}", review.id, review.title);
    let view = ReviewPageView {
        episode: gather::head(&episode),
        decidable: review.blocked.is_none(),
        problem: changes.problem,
        warnings,
        summary: changes.summary,
        layout: if asked.view == "inline" { "inline" } else { "side" }.to_owned(),
        only: asked.only,
        changes_only: asked.changes == "only",
        passages: changes.passages,
        whole: changes.whole,
        adaptation: changes.adaptation,
        history: of_gate.map(record).collect(),
        next_review: waiting.iter().rev().map(|(other, _)| other.id).find(|other| *other != review.id),
        commands: commands(review.id, review.blocked.is_none()),
        review,
    };
    Loaded::new(reader, title, view)
}

fn commands(task: i64, decidable: bool) -> Vec<CommandView> {
    let of = |about: &str, command: String| CommandView { about: about.to_owned(), command };
    let mut commands = vec![of("Show it in a terminal", format!("btcedu review show {task}"))];
    if decidable {
        commands.push(of("Approve", format!("btcedu review approve {task}")));
        commands.push(of("Send back", format!("btcedu review request-changes {task} --notes '…'")));
    }
    commands
}

/// The changes that a review is about, as far as they can be shown.
#[derive(Default)]
struct Changes {
    problem: Option<String>,
    summary: ChangeSummaryView,
    passages: Vec<PassageView>,
    adaptation: Option<AdaptationPageView>,
    /// The text as a whole, where its changes can't be shown.
    whole: Vec<String>,
}

impl Changes {
    fn load(data: &DataDir, dir: &EpisodeDir, review: &ReviewView, asked: &Asked) -> Result<Self, WebError> {
        let loaded = match review.stage {
            ReviewStage::Correct => Self::of_correction(data, dir, review, asked),
            ReviewStage::Adapt => Self::of_adaptation(data, dir, review, asked),
        };
        let mut changes = match loaded {
            Ok(changes) => changes,
            Err(error) => {
                tracing::warn!(%error, review = review.id, "the list of changes can't be read");
                Self::unreadable(review.stage, dir)
            }
        };
        if changes.problem.is_some() {
            changes.whole = whole(data, dir, review)?;
        }
        Ok(changes)
    }

    fn unreadable(gate: ReviewStage, dir: &EpisodeDir) -> Self {
        let problem = format!(
            "the list of changes can't be read; `btcedu {gate} {}` writes it anew, free where the text is as it was",
            dir.id()
        );
        Self { problem: Some(problem), ..Self::default() }
    }

    fn of_correction(
        data: &DataDir,
        dir: &EpisodeDir,
        review: &ReviewView,
        asked: &Asked,
    ) -> Result<Self, FileError> {
        let diff: Option<CorrectionDiff> = data.read_json(&dir.review_diff(ReviewStage::Correct))?;
        let Some(diff) = diff else { return Ok(Self::unreadable(ReviewStage::Correct, dir)) };
        let before = text_of(TextKind::Clean, data, dir)?;
        let is_it = match apply_changes(&before, &diff.changes) {
            Some(after) => is_reviewed(&after, data, dir, review)?,
            None => false,
        };
        let Some(passages) = passages(&before, &diff.changes).filter(|_| is_it) else {
            return Ok(Self { problem: Some(another_text(review)), ..Self::default() });
        };
        let wanted = Wanted { only: &asked.only, changes_only: asked.changes == "only" };
        let passages = PassageView::all(&passages, wanted);
        let summary = ChangeSummaryView {
            total: diff.summary.total_changes,
            original_length: diff.original_length,
            changed_length: diff.corrected_length,
            by_type: counts(&diff.summary.by_type),
            by_category: counts(&diff.summary.by_category),
        };
        Ok(Self { summary, passages, ..Self::default() })
    }

    fn of_adaptation(
        data: &DataDir,
        dir: &EpisodeDir,
        review: &ReviewView,
        asked: &Asked,
    ) -> Result<Self, FileError> {
        let diff: Option<AdaptationDiff> = data.read_json(&dir.review_diff(ReviewStage::Adapt))?;
        let Some(diff) = diff else { return Ok(Self::unreadable(ReviewStage::Adapt, dir)) };
        let script = reviewed_text(data, dir, review)?;
        let Some(script) = script.filter(|script| diff.adapted_length == script.chars().count()) else {
            return Ok(Self { problem: Some(another_text(review)), ..Self::default() });
        };
        let literal = text_of(TextKind::Turkish, data, dir)?;
        let dims = |tier: &str, category: &str| {
            !asked.only.is_empty() && asked.only != tier && asked.only != category
        };
        let shown = (1..).zip(&diff.adaptations).map(|(number, one)| {
            let (tier, category) = (one.tier.to_string(), one.category.to_string());
            AdaptationView {
                number,
                dimmed: dims(&tier, &category),
                tier,
                category,
                original: one.original.clone(),
                adapted: one.adapted.clone(),
                context: one.context.clone(),
                marked: false,
            }
        });
        let mut adaptations: Vec<AdaptationView> = shown.collect();
        let marks: Vec<Marked<'_>> = diff
            .adaptations
            .iter()
            .zip(&adaptations)
            .map(|(one, view)| Marked::new(one).dimmed(view.dimmed))
            .collect();
        let tiers = [("T1", diff.summary.tier1_count), ("T2", diff.summary.tier2_count)];
        let by_type = tiers.into_iter().filter(|(_, count)| *count > 0);
        let summary = ChangeSummaryView {
            total: diff.summary.total_adaptations,
            original_length: diff.original_length,
            changed_length: diff.adapted_length,
            by_type: by_type.map(|(name, count)| CountView { name: name.to_owned(), count }).collect(),
            by_category: counts(&diff.summary.by_category),
        };
        let script_html = script_html(&script, &marks);
        for one in &mut adaptations {
            one.marked = is_marked(&script_html, one.number);
        }
        let adaptation = AdaptationPageView { script_html, literal: paragraphs(&literal), adaptations };
        Ok(Self { summary, adaptation: Some(adaptation), ..Self::default() })
    }
}

/// Says why the changes on the disk aren't those of the review.
fn another_text(review: &ReviewView) -> String {
    if review.status.is_open() {
        "the list of changes on the disk doesn't lead to the text of this review, so it isn't shown"
            .to_owned()
    } else {
        "the text was changed or made anew since this was decided, so the changes can't be shown any more"
            .to_owned()
    }
}

/// Reads a text; one that isn't there is empty.
fn text_of(kind: TextKind, data: &DataDir, dir: &EpisodeDir) -> Result<String, FileError> {
    Ok(read_text(data, &kind.path(dir))?.map_or_else(String::new, |loaded| loaded.text))
}

/// Returns the text that a review is about, if it is still on the disk.
fn reviewed_text(data: &DataDir, dir: &EpisodeDir, review: &ReviewView) -> Result<Option<String>, FileError> {
    let kind = match review.stage {
        ReviewStage::Correct => TextKind::Corrected,
        ReviewStage::Adapt => TextKind::Adapted,
    };
    let on_disk = read_text(data, &kind.path(dir))?;
    Ok(on_disk.filter(|on_disk| review.artifact_hash == Some(on_disk.hash)).map(|on_disk| on_disk.text))
}

/// Tells whether a text is what a review is about.
fn is_reviewed(text: &str, data: &DataDir, dir: &EpisodeDir, review: &ReviewView) -> Result<bool, FileError> {
    if review.artifact_hash == Some(Sha256Hash::of_bytes(text.as_bytes())) {
        return Ok(true);
    }
    // An editor may have saved it with other line ends.
    Ok(reviewed_text(data, dir, review)?.is_some_and(|reviewed| reviewed == text))
}

/// Returns the paragraphs of the text that an open review is about, if it is still on the disk.
fn whole(data: &DataDir, dir: &EpisodeDir, review: &ReviewView) -> Result<Vec<String>, FileError> {
    let text = reviewed_text(data, dir, review)?.filter(|_| review.status.is_open());
    Ok(text.map_or_else(Vec::new, |text| paragraphs(&text)))
}

fn counts<K: ToString>(counts: &std::collections::BTreeMap<K, usize>) -> Vec<CountView> {
    let occurring = counts.iter().filter(|(_, count)| **count > 0);
    occurring.map(|(name, count)| CountView { name: name.to_string(), count: *count }).collect()
}

/// Marks the review as one that is being looked at.
pub(crate) async fn open(
    state: web::Data<AppState>,
    session: Session,
    request: HttpRequest,
    fields: Fields,
) -> Result<HttpResponse, WebError> {
    fields.check(&session)?;
    let task = task_of(&request)?;
    state.desk.open_review(task).await?;
    Ok(see_other(&state.base, &format!("/reviews/{task}")))
}

/// Brings the review up to date with the text on the disk, to look at it as it is.
pub(crate) async fn take_up(
    state: web::Data<AppState>,
    session: Session,
    request: HttpRequest,
    fields: Fields,
) -> Result<HttpResponse, WebError> {
    fields.check(&session)?;
    let task = task_of(&request)?;
    match state.desk.accept_edit(task, "btcedu web: take up").await.map_err(WebError::from) {
        Ok(_) => {
            leave_notice(&session, "done", "the review is about the text as it is now; look at it anew")?;
        }
        Err(error @ WebError::Conflict(_)) => leave_notice(&session, "problem", error.to_string())?,
        Err(error) => return Err(error),
    }
    Ok(see_other(&state.base, &format!("/reviews/{task}")))
}

/// Approves exactly the text that was seen.
pub(crate) async fn approve(
    state: web::Data<AppState>,
    session: Session,
    request: HttpRequest,
    fields: Fields,
) -> Result<HttpResponse, WebError> {
    decide(&state, &session, &request, &fields, Verdict::Approve, "approve").await
}

/// Sends the text back one stage.
pub(crate) async fn reject(
    state: web::Data<AppState>,
    session: Session,
    request: HttpRequest,
    fields: Fields,
) -> Result<HttpResponse, WebError> {
    let mut notes = notes_of(&fields)?;
    if notes.is_empty() {
        // Without notes, the subject alone is the note.
        fields.get("about").clone_into(&mut notes);
    }
    let verdict = Verdict::Reject { notes: (!notes.is_empty()).then_some(notes) };
    decide(&state, &session, &request, &fields, verdict, "reject").await
}

/// Sends the text back one stage with notes for the next try.
pub(crate) async fn request_changes(
    state: web::Data<AppState>,
    session: Session,
    request: HttpRequest,
    fields: Fields,
) -> Result<HttpResponse, WebError> {
    let verdict = Verdict::RequestChanges { notes: notes_of(&fields)? };
    decide(&state, &session, &request, &fields, verdict, "request changes").await
}

/// The subjects that the form offers for notes.
const ABOUT: [&str; 4] = ["factual error", "tone", "missing content", "formatting"];

/// Returns the notes, with the subject in front where one was chosen; without notes the subject is left out.
fn notes_of(fields: &Fields) -> Result<String, WebError> {
    let notes = plain(fields.get("notes").trim()).into_owned();
    let about = fields.get("about");
    if !about.is_empty() && !ABOUT.contains(&about) {
        return Err(WebError::BadInput(format!("notes are about one of these: {}", ABOUT.join(", "))));
    }
    Ok(if about.is_empty() || notes.is_empty() { notes } else { format!("{about}: {notes}") })
}

async fn decide(
    state: &AppState,
    session: &Session,
    request: &HttpRequest,
    fields: &Fields,
    verdict: Verdict,
    word: &str,
) -> Result<HttpResponse, WebError> {
    fields.check(session)?;
    let task = task_of(request)?;
    let Ok(seen) = fields.get("seen").parse() else {
        return Err(WebError::BadInput(
            "the form doesn't say which text was seen; load the page anew".to_owned(),
        ));
    };
    let command = format!("btcedu web: {word}");
    let decision = Decision { task, verdict: &verdict, seen: Some(seen), command: &command };
    match state.desk.decide_review(decision).await.map_err(WebError::from) {
        Ok(review) => {
            let told = match verdict {
                Verdict::Approve => {
                    format!("approved; `btcedu run {}` goes on from here", review.episode_id)
                }
                Verdict::Reject { .. } | Verdict::RequestChanges { .. } => {
                    format!("sent back; `btcedu run {}` makes it anew", review.episode_id)
                }
            };
            leave_notice(session, "done", told)?;
        }
        Err(error @ (WebError::Conflict(_) | WebError::BadInput(_))) => {
            leave_notice(session, "problem", error.to_string())?;
        }
        Err(error) => return Err(error),
    }
    Ok(see_other(&state.base, &format!("/reviews/{task}")))
}
