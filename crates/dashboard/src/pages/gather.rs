//! What several pages read: an episode's row, its texts, its markers.

use std::{
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use btcedu_artifacts::{DataDir, EpisodeDir, StaleMarker, stale_path};
use btcedu_domain::{EpisodeId, UtcTime};
use btcedu_models::episodes::{self, Episode};

use crate::{
    error::WebError,
    state::Reader,
    views::{
        parts::{CommandView, EpisodeHeadView},
        text::TextLinkView,
    },
};

/// Finds an episode, or says that there is none; blocks.
pub(super) fn episode(reader: &Reader, id: &EpisodeId) -> Result<Episode, WebError> {
    let found = reader.rows(|conn| episodes::find(conn, id))?;
    found.ok_or_else(|| WebError::no_such("episode", id))
}

/// Shows what every page about an episode has in its head.
pub(super) fn head(episode: &Episode) -> EpisodeHeadView {
    EpisodeHeadView {
        episode_id: episode.episode_id.clone(),
        title: episode.title.clone(),
        status: episode.status,
    }
}

/// Shows a command; an id that begins with `-` needs a `--` before it.
pub(super) fn command(about: &str, verb: &str, id: &EpisodeId) -> CommandView {
    let dashes = if id.as_str().starts_with('-') { "-- " } else { "" };
    CommandView { about: about.to_owned(), command: format!("btcedu {verb} {dashes}{id}") }
}

/// A text that people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextKind {
    Raw,
    Clean,
    Corrected,
    Turkish,
    Adapted,
}

impl TextKind {
    pub(super) const ALL: [Self; 5] = [Self::Raw, Self::Clean, Self::Corrected, Self::Turkish, Self::Adapted];

    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Clean => "clean",
            Self::Corrected => "corrected",
            Self::Turkish => "turkish",
            Self::Adapted => "adapted",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Raw => "Raw transcript",
            Self::Clean => "Clean transcript",
            Self::Corrected => "Corrected transcript",
            Self::Turkish => "Literal translation",
            Self::Adapted => "Adapted script",
        }
    }

    const fn lang(self) -> &'static str {
        match self {
            Self::Raw | Self::Clean | Self::Corrected => "de",
            Self::Turkish | Self::Adapted => "tr",
        }
    }

    pub(super) fn path(self, dir: &EpisodeDir) -> PathBuf {
        match self {
            Self::Raw => dir.transcript(),
            Self::Clean => dir.clean_transcript(),
            Self::Corrected => dir.corrected_transcript(),
            Self::Turkish => dir.translation(),
            Self::Adapted => dir.script(),
        }
    }

    /// Shows where a text is, how large, how old, and whether it is out of date; reads the disk.
    pub(super) fn link(self, data: &DataDir, dir: &EpisodeDir) -> TextLinkView {
        let path = self.path(dir);
        let found = facts(data, &path);
        TextLinkView {
            kind: self.name().to_owned(),
            label: self.label().to_owned(),
            lang: self.lang().to_owned(),
            size_bytes: found.map(|found| found.size_bytes),
            modified_at: found.and_then(|found| found.modified_at),
            stale: stale_reason(data, &path),
            path: dir.in_workspace(&path),
        }
    }
}

/// What pages show of a file that they don't read.
#[derive(Clone, Copy)]
struct Facts {
    size_bytes: u64,
    modified_at: Option<UtcTime>,
}

/// Looks at a file; one that is refused or can't be looked at counts as missing.
fn facts(data: &DataDir, path: &Path) -> Option<Facts> {
    // The rest of the page is shown all the same.
    let found = data.metadata(path).inspect_err(|error| tracing::debug!(%error, "a file is not shown"));
    let known = found.ok()??;
    let since = known.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let seconds = since.and_then(|since| i64::try_from(since.as_secs()).ok());
    let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    Some(Facts { size_bytes: known.len(), modified_at: time.map(UtcTime::new) })
}

/// Returns the size of a file in bytes; none where it is missing.
pub(super) fn size(data: &DataDir, path: &Path) -> Option<u64> {
    facts(data, path).map(|found| found.size_bytes)
}

/// Returns why a file is out of date, where a marker beside it says so.
pub(super) fn stale_reason(data: &DataDir, path: &Path) -> Option<String> {
    match data.read_json::<StaleMarker>(&stale_path(path)) {
        Ok(marker) => marker.map(|marker| marker.reason),
        // A marker that can't be read still marks the file.
        Err(_unreadable) => Some("a marker beside it says so".to_owned()),
    }
}

/// Splits a text at its blank lines.
pub(super) fn paragraphs(text: &str) -> Vec<String> {
    btcedu_texts::paragraphs(text).into_iter().map(|range| text[range].to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_copied_for_any_id() {
        let of = |id: &str| command("", "run", &id.parse().unwrap()).command;
        assert_eq!(of("abc123"), "btcedu run abc123");
        assert_eq!(of("-QuuHAnujxk"), "btcedu run -- -QuuHAnujxk");
    }
}
