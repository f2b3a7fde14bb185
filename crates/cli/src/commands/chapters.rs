//! `btcedu chapters`: checks a chapter document and shows it.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use btcedu_chapters::{ChapterError, Parsed, parse, parse_for};
use btcedu_domain::EpisodeId;
use clap::Args;
use serde_json::json;

use crate::{
    app::App,
    errors::{CommandResult, OrFail},
    exit::ExitStatus,
    output::{Output, note, table},
};

/// Check a chapter document and show it as a table; exit 1 if it is invalid
///
/// Takes a file, or an episode whose outputs/ID/chapters.json is read. All violations
/// are listed, each with its JSON path.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  btcedu chapters abc123
  btcedu chapters ./chapters.json
  btcedu chapters ./chapters.json --json")]
pub(crate) struct ChaptersArgs {
    /// An episode's id, or the path of a file
    #[arg(value_name = "EPISODE_ID|FILE", allow_hyphen_values = true)]
    what: String,
}

pub(crate) fn run(app: &App, args: &ChaptersArgs, output: Output) -> CommandResult<ExitStatus> {
    let (path, episode) = locate(app, &args.what);
    match load(&path, episode.as_ref())? {
        Ok(parsed) => {
            let document = json!({"valid": true, "document": parsed.document, "warnings": parsed.warnings, "violations": []});
            output.result(&document, || text(&parsed))?;
            for warning in &parsed.warnings {
                note(&format!("warning: {warning}"));
            }
            Ok(ExitStatus::Done)
        }
        Err(error) => {
            let violations = match &error {
                ChapterError::Invalid { violations } => json!(violations),
                _ => json!([]),
            };
            let document = json!({"valid": false, "error": error.to_string(), "violations": violations});
            if output.is_json() {
                output.result(&document, String::new)?;
            }
            note(&format!("error: '{}' is not valid\n{error}", path.display()));
            Ok(ExitStatus::Failed)
        }
    }
}

/// A file that is there wins over an episode of the same name; a path separator always means a file.
fn locate(app: &App, what: &str) -> (PathBuf, Option<EpisodeId>) {
    let path = PathBuf::from(what);
    match what.parse::<EpisodeId>() {
        Ok(id) if !path.is_file() => (app.data.episode(&id).chapters(), Some(id)),
        _ => (path, None),
    }
}

/// Reads and checks a document.
fn load(path: &Path, episode: Option<&EpisodeId>) -> CommandResult<Result<Parsed, ChapterError>> {
    let bytes = match read_up_to_limit(path)? {
        Ok(bytes) => bytes,
        Err(size) => return Ok(Err(ChapterError::TooLarge { bytes: size })),
    };
    Ok(match episode {
        Some(id) => parse_for(&bytes, id),
        None => parse(&bytes),
    })
}

/// Reads a file of text; one that is larger than a chapter document may be is not read to its end, and its
/// size as far as known is returned instead.
pub(crate) fn read_up_to_limit(path: &Path) -> CommandResult<Result<Vec<u8>, u64>> {
    let unreadable = || format!("can't read '{}'", path.display());
    let file = File::open(path).or_fail(unreadable)?;
    let size = file.metadata().or_fail(unreadable)?.len();
    if size > btcedu_chapters::MAX_BYTES {
        return Ok(Err(size));
    }
    // A device or a pipe has no size, so the limit holds while reading, too.
    let mut bytes = Vec::new();
    file.take(btcedu_chapters::MAX_BYTES + 1).read_to_end(&mut bytes).or_fail(unreadable)?;
    let read = bytes.len() as u64;
    Ok(if read > btcedu_chapters::MAX_BYTES { Err(read) } else { Ok(bytes) })
}

fn text(parsed: &Parsed) -> String {
    let document = &parsed.document;
    let rows = document.chapters.iter().map(|c| {
        let prompt = match (c.visual.visual_type.is_generable(), c.visual.own_prompt()) {
            (false, _) => "no picture",
            (true, Some(_)) => "own prompt",
            (true, None) => "prompt to be written",
        };
        vec![
            c.order.to_string(),
            c.chapter_id.to_string(),
            c.title.clone(),
            c.visual.visual_type.to_string(),
            prompt.to_owned(),
            format!("{} words", c.narration.word_count),
            format!("{} s", c.narration.estimated_duration_seconds),
        ]
    });
    format!(
        "{}\n{}: {} — {} chapters, {} s, valid",
        table(&["", "chapter", "title", "type", "picture", "narration", "length"], rows.collect()),
        document.episode_id,
        document.title,
        document.total_chapters,
        document.estimated_duration_seconds
    )
}
