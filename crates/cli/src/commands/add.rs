//! `btcedu add`: brings an episode into the database from local files.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use btcedu_artifacts::{
    DataDir, EpisodeDir, EpisodeLock, LoadedText, LockHolder, MAX_TEXT, copy_atomic, write_atomic,
};
use btcedu_chapters::{ChapterError, parse_for};
use btcedu_domain::{EpisodeId, EpisodeStatus, PipelineVersion, Sha256Hash, UtcTime};
use btcedu_models::{
    Db,
    episodes::{self, NewEpisode},
};
use clap::{ArgGroup, Args};
use serde_json::json;

use crate::{
    app::App,
    command_line::command_line,
    commands::chapters,
    errors::{CommandError, CommandResult, OrFail, UsageError},
    exit::ExitStatus,
    output::{Output, note},
};

/// Bring an episode in from local files
///
/// The file is copied into the workspace, and the episode gets the status that fits:
/// chapterized for chapters, adapted for a script, transcribed for a transcript,
/// downloaded for audio. An id that exists is refused.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("file").required(true).args(["audio", "transcript", "script", "chapters"])),
    after_help = "\
Examples:
  btcedu add --id abc123 --title \"Halving nedir?\" --chapters chapters.json
  btcedu add --id=-QuuHAnujxk --title \"Lightning\" --transcript transcript.de.txt"
)]
pub(crate) struct AddArgs {
    /// The episode's id: 1 to 64 of A-Z, a-z, 0-9, _ and -
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    id: String,
    /// The episode's title
    #[arg(long)]
    title: String,
    /// The audio, as .m4a
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,
    /// The German transcript, as UTF-8 text
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
    /// The adapted Turkish script, as UTF-8 Markdown
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// The chapter document; its `episode_id` must be ID
    #[arg(long, value_name = "FILE")]
    chapters: Option<PathBuf>,
}

/// A file, where it goes, and what the episode is then.
struct Source<'a> {
    from: &'a Path,
    to: Vec<PathBuf>,
    status: EpisodeStatus,
}

pub(crate) async fn run(app: &App, args: &AddArgs, output: Output) -> CommandResult<ExitStatus> {
    let id: EpisodeId = args.id.parse()?;
    if args.title.trim().is_empty() {
        return Err(UsageError("--title must not be empty".to_owned()).into());
    }
    let dir = app.data.episode(&id);
    let source = source(args, &dir)?;
    let only_v2 = matches!(source.status, EpisodeStatus::Chapterized | EpisodeStatus::Adapted);
    if only_v2 && app.settings.pipeline_version != PipelineVersion::V2 {
        let words = "--chapters and --script are of pipeline v2, and PIPELINE_VERSION is 1; set it to 2";
        return Err(UsageError(words.to_owned()).into());
    }
    let bytes = check(args, &id)?;
    let db = app.ready_database().await?;
    let holder = LockHolder::this_process(command_line(), app.clock.now());
    let _lock = EpisodeLock::acquire(&dir, &holder, app.clock.as_ref()).await?;
    insert(app, &db, args, &id, &dir, (&source, bytes.as_deref())).await?;
    output.result(
        &json!({"episode_id": id, "status": source.status, "pipeline_version": app.settings.pipeline_version.number(), "files": source.to}),
        || {
            let next = match source.status {
                EpisodeStatus::Chapterized => "imagegen",
                // What comes next for audio isn't built.
                EpisodeStatus::Downloaded => "plan",
                _ => "run",
            };
            let file = source.to.first().map(|p| p.display().to_string()).unwrap_or_default();
            format!("added {id} with status {}; copied to {file}\nnext: btcedu {next} {id}", source.status)
        },
    )?;
    Ok(ExitStatus::Done)
}

fn source<'a>(args: &'a AddArgs, dir: &EpisodeDir) -> CommandResult<Source<'a>> {
    let found = [
        (&args.chapters, vec![dir.chapters()], EpisodeStatus::Chapterized),
        (&args.script, vec![dir.script()], EpisodeStatus::Adapted),
        (&args.transcript, vec![dir.clean_transcript(), dir.transcript()], EpisodeStatus::Transcribed),
        (&args.audio, vec![dir.audio()], EpisodeStatus::Downloaded),
    ];
    let named =
        found.into_iter().find_map(|(from, to, status)| Some(Source { from: from.as_deref()?, to, status }));
    named.or_fail(|| "one of --chapters, --script, --transcript, --audio must be given".to_owned())
}

/// Looks into the file before anything is written; returns its bytes, unless it is audio, which may be large.
///
/// What was looked at is what is copied: a pipe can be read once only.
fn check(args: &AddArgs, id: &EpisodeId) -> CommandResult<Option<Vec<u8>>> {
    if let Some(path) = &args.chapters {
        let bytes = chapters::read_up_to_limit(path)?;
        let parsed = match &bytes {
            Ok(bytes) => parse_for(bytes, id),
            Err(size) => Err(ChapterError::TooLarge { bytes: *size }),
        };
        match parsed {
            Ok(parsed) => parsed.warnings.iter().for_each(|w| note(&format!("warning: {w}"))),
            Err(error @ ChapterError::Invalid { .. }) => {
                let words = format!("'{}' is not a valid chapter document:\n{error}", path.display());
                return Err(CommandError::failed(words));
            }
            Err(error) => return Err(error).or_fail(|| format!("'{}' can't be used", path.display())),
        }
        return Ok(bytes.ok());
    }
    if let Some(path) = args.transcript.as_ref().or(args.script.as_ref()) {
        let Ok(bytes) = chapters::read_up_to_limit(path)? else {
            return Err(CommandError::failed(format!(
                "'{}' is larger than 16 MiB; split it, or look whether it is the right file",
                path.display()
            )));
        };
        let LoadedText { text, .. } = LoadedText::from_bytes(path, bytes.clone())?;
        if text.trim().is_empty() {
            return Err(empty(path));
        }
        return Ok(Some(bytes));
    }
    if let Some(path) = &args.audio {
        let known = std::fs::metadata(path).or_fail(|| format!("can't read '{}'", path.display()))?;
        if known.len() == 0 {
            return Err(empty(path));
        }
    }
    Ok(None)
}

fn empty(path: &Path) -> CommandError {
    CommandError::failed(format!("'{}' is empty", path.display()))
}

/// Files first, then the row: an episode in the database always has its file.
async fn insert(
    app: &App,
    db: &Db,
    args: &AddArgs,
    id: &EpisodeId,
    dir: &EpisodeDir,
    (source, bytes): (&Source<'_>, Option<&[u8]>),
) -> CommandResult<()> {
    let wanted = id.clone();
    let exists = db.run(move |conn| episodes::find(conn, &wanted)).await?.is_some();
    if exists {
        let words = "choose another --id, or look at it with `btcedu status";
        return Err(UsageError(format!("episode '{id}' exists already; {words} {id}`")).into());
    }
    for to in &source.to {
        // The same bytes are what an `add` that was interrupted before its row left.
        if to.exists() && is_copied(&dir.data(), source.from, bytes, to)? {
            continue;
        }
        if to.exists() {
            return Err(CommandError::failed(format!(
                "'{}' is there already, though the database has no episode '{id}'; move it away, or choose another --id",
                to.display()
            )));
        }
        match bytes {
            Some(bytes) => write_atomic(to, bytes)?,
            None => copy_atomic(source.from, to)?,
        }
    }
    let row = (id.clone(), args.title.trim().to_owned(), dir.in_workspace(&dir.outputs()), app.clock.now());
    let (status, version) = (source.status, app.settings.pipeline_version);
    let file = source.to.first().map(|p| dir.in_workspace(p));
    db.transaction(move |conn| {
        let (id, title, outputs, now): (EpisodeId, String, String, UtcTime) = row;
        let episode = episodes::insert(
            conn,
            &NewEpisode {
                episode_id: &id,
                channel_id: None,
                source: "local",
                title: &title,
                published_at: None,
                duration_seconds: None,
                url: None,
                status,
                output_dir: Some(&outputs),
                detected_at: now,
                pipeline_version: version,
            },
        )?;
        match status {
            EpisodeStatus::Transcribed => episodes::set_transcript_path(conn, episode.id, file.as_deref()),
            EpisodeStatus::Downloaded => episodes::set_audio_path(conn, episode.id, file.as_deref()),
            _ => Ok(()),
        }
    })
    .await?;
    Ok(())
}

/// Tells whether a copy has the bytes that would be copied.
fn is_copied(data: &DataDir, from: &Path, bytes: Option<&[u8]>, to: &Path) -> CommandResult<bool> {
    if let Some(bytes) = bytes {
        return Ok(data.read(to, MAX_TEXT)?.as_deref() == Some(bytes));
    }
    let source = File::open(from).and_then(Sha256Hash::of_reader);
    let source = source.or_fail(|| format!("can't read '{}'", from.display()))?;
    Ok(data.hash(to, u64::MAX)? == Some(source))
}
