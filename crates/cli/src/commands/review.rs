//! `btcedu review`: look at what waits for a person, and decide it.

use btcedu_artifacts::DataDir;
use btcedu_domain::ReviewStage;
use btcedu_models::review_tasks::TaskSelection;
use btcedu_pipeline::{
    Decision, ReviewError, ReviewView, Verdict, decide_review, find_review, list_reviews, open_review,
};
use btcedu_stages::StageContext;
use btcedu_texts::{AdaptationDiff, CorrectionDiff, Tier};
use clap::{Args, Subcommand};
use console::style;
use serde::Serialize;

use crate::{
    app::App,
    command_line::command_line,
    errors::CommandResult,
    exit::ExitStatus,
    output::{Output, count, table},
};

/// Look at the texts that wait for a person, and decide
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  btcedu review list
  btcedu review show 7
  btcedu review approve 7
  btcedu review request-changes 7 --notes \"'Halving' stehen lassen\"")]
pub(crate) struct ReviewArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List what waits for a decision
    #[command(after_help = "\
Examples:
  btcedu review list
  btcedu review list --all         also what was decided")]
    List {
        /// Also what was decided
        #[arg(long)]
        all: bool,
    },
    /// Show a review with its changes, and mark it as being looked at
    #[command(after_help = "\
Examples:
  btcedu review show 7
  btcedu review show 7 --json      the whole diff")]
    Show {
        /// The review's number
        review: i64,
    },
    /// Approve the text as it is; the next run goes on
    #[command(after_help = "\
Examples:
  btcedu review approve 7
  btcedu review approve 7 8 9")]
    Approve {
        /// The reviews' numbers
        #[arg(required = true)]
        reviews: Vec<i64>,
    },
    /// Send the text back one stage
    #[command(after_help = "\
Examples:
  btcedu review reject 7
  btcedu review reject 7 --notes \"Namen prüfen\"")]
    Reject {
        /// The review's number
        review: i64,
        /// What the next try should heed
        #[arg(long)]
        notes: Option<String>,
    },
    /// Send the text back one stage with notes for the next try
    #[command(after_help = "\
Examples:
  btcedu review request-changes 7 --notes \"'Halving' stehen lassen\"")]
    RequestChanges {
        /// The review's number
        review: i64,
        /// What to change
        #[arg(long)]
        notes: String,
    },
}

/// A review and the changes it is about.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    pub(super) review: ReviewView,
    pub(super) correction: Option<CorrectionDiff>,
    pub(super) adaptation: Option<AdaptationDiff>,
}

pub(crate) async fn run(app: &App, args: &ReviewArgs, output: Output) -> CommandResult<ExitStatus> {
    let ctx = app.quiet_context().await?;
    match &args.what {
        What::List { all } => {
            let which = if *all { TaskSelection::All } else { TaskSelection::Open };
            let reviews = list_reviews(&ctx, which).await?;
            output.result(&reviews, || list_text(&reviews, *all))?;
        }
        What::Show { review } => {
            let shown = load(&ctx.data, open_review(&ctx, *review).await?)?;
            output.result(&shown, || show_text(&shown))?;
        }
        What::Approve { reviews } => {
            let mut decided = Vec::new();
            for review in reviews {
                decided.push(decide(&ctx, *review, &Verdict::Approve).await?);
            }
            output.result(&decided, || decided.iter().map(decided_text).collect::<Vec<_>>().join("\n"))?;
        }
        What::Reject { review, notes } => {
            let verdict = Verdict::Reject { notes: notes.clone() };
            let decided = decide(&ctx, *review, &verdict).await?;
            output.result(&decided, || decided_text(&decided))?;
        }
        What::RequestChanges { review, notes } => {
            // Asked first, so that an unknown number is told before missing notes are.
            find_review(&ctx, *review).await?;
            let verdict = Verdict::RequestChanges { notes: notes.clone() };
            let decided = decide(&ctx, *review, &verdict).await?;
            output.result(&decided, || decided_text(&decided))?;
        }
    }
    Ok(ExitStatus::Done)
}

async fn decide(ctx: &StageContext, task: i64, verdict: &Verdict) -> Result<ReviewView, ReviewError> {
    decide_review(ctx, Decision { task, verdict, seen: None, command: &command_line() }).await
}

fn load(data: &DataDir, review: ReviewView) -> CommandResult<Shown> {
    let (mut correction, mut adaptation) = (None, None);
    match review.stage {
        ReviewStage::Correct => correction = data.read_json(&review.diff_path)?,
        ReviewStage::Adapt => adaptation = data.read_json(&review.diff_path)?,
    }
    Ok(Shown { review, correction, adaptation })
}

pub(super) fn list_text(reviews: &[ReviewView], all: bool) -> String {
    if reviews.is_empty() {
        return if all {
            "no text was ever reviewed; `btcedu run EPISODE_ID` brings one here".to_owned()
        } else {
            "nothing waits for a review".to_owned()
        };
    }
    let row = |review: &ReviewView| {
        let changed = match &review.out_of_date {
            Some(_) => "out of date, will be made anew",
            None if review.text_changed => "text changed since",
            None => "",
        };
        vec![
            review.id.to_string(),
            review.episode_id.to_string(),
            review.stage.to_string(),
            review.status.to_string(),
            review.created_at.to_string(),
            review.title.clone(),
            changed.to_owned(),
        ]
    };
    table(&["review", "episode", "stage", "status", "since", "title", ""], reviews.iter().map(row).collect())
}

pub(super) fn show_text(shown: &Shown) -> String {
    let review = &shown.review;
    let mut lines = vec![
        format!("review {} of {} ({}): {}", review.id, review.episode_id, review.stage, review.status),
        format!("title: {}", review.title),
        format!("text:  {}", review.text_path.display()),
        format!("diff:  {}", review.diff_path.display()),
    ];
    lines.extend(review.notes.as_ref().map(|notes| format!("notes: {notes}")));
    if review.text_changed {
        lines.push(
            "warning: the text was changed since this review was opened; deciding brings it up to date first"
                .to_owned(),
        );
    }
    if let Some(reason) = &review.out_of_date {
        lines.push(format!("warning: the text is out of date ({reason}) and will be made anew, so there is nothing to decide yet"));
    }
    lines.extend(review.warnings.iter().map(|warning| format!("warning: {warning}")));
    if let Some(diff) = &shown.correction {
        lines.extend(correction_lines(diff));
    }
    if let Some(diff) = &shown.adaptation {
        lines.extend(adaptation_lines(diff));
    }
    if shown.correction.is_none() && shown.adaptation.is_none() {
        lines.push("there is no diff: the text was brought in as it is".to_owned());
    }
    if !review.status.is_open() {
        lines.push("\nthis review was decided; the diff is of the text as it is now".to_owned());
        return lines.join("\n");
    }
    lines.push(format!(
        "\nnext: btcedu review approve {id}, or btcedu review request-changes {id} --notes \"…\"",
        id = review.id
    ));
    lines.join("\n")
}

fn correction_lines(diff: &CorrectionDiff) -> Vec<String> {
    let summary = &diff.summary;
    let by_category: Vec<String> = summary
        .by_category
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(category, n)| format!("{n} {category}"))
        .collect();
    let head = format!("\n{}: {}", count(summary.total_changes, "change"), by_category.join(", "));
    let changes = diff.changes.iter().map(|change| {
        let (old, new) = (style(visible(&change.original)).red(), style(visible(&change.corrected)).green());
        format!(
            "  {:>6}  {:<12} {old} → {new}   … {} …",
            change.position.start,
            change.category.to_string(),
            one_line(&change.context)
        )
    });
    std::iter::once(head).chain(changes).collect()
}

fn adaptation_lines(diff: &AdaptationDiff) -> Vec<String> {
    let summary = &diff.summary;
    let head = format!(
        "\n{}: {} T1 (mechanical), {} T2 (editorial)",
        count(summary.total_adaptations, "adaptation"),
        summary.tier1_count,
        summary.tier2_count
    );
    let changes = diff.adaptations.iter().map(|tag| {
        let tier = format!("{} {}", tag.tier, tag.category);
        let tier = if tag.tier == Tier::T2 { style(tier).yellow() } else { style(tier).cyan() };
        let (old, new) = (style(visible(&tag.original)).red(), style(visible(&tag.adapted)).green());
        format!("  {:>6}  {tier}  {old} → {new}", tag.position.start)
    });
    std::iter::once(head).chain(changes).collect()
}

/// Nothing, and blanks alone, in a form that can be seen; what fills lines is cut, the diff has all of it.
fn visible(text: &str) -> String {
    const LONGEST: usize = 90;
    if text.trim().is_empty() {
        return format!("{text:?}");
    }
    let line = one_line(text);
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or(&line)),
        None => line,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn decided_text(review: &ReviewView) -> String {
    let next = match review.status {
        btcedu_domain::ReviewStatus::Approved => "goes on",
        _ => "makes it anew",
    };
    format!("review {}: {}; `btcedu run {}` {next}", review.id, review.status, review.episode_id)
}
