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
    state::AppState,
    views::{
        episode::{CommandView, EpisodeHeadView},
        text::TextLinkView,
    },
};

/// No JSON that is shown is larger, in bytes.
pub(super) const MAX_TEXT: u64 = 8 * 1024 * 1024;

/// Finds an episode, or says that there is none.
pub(super) async fn episode(state: &AppState, id: &EpisodeId) -> Result<Episode, WebError> {
    let wanted = id.clone();
    let found = state.desk.db().run(move |conn| episodes::find(conn, &wanted)).await?;
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

    /// Shows where a text is and how it stands; reads the disk.
    pub(super) fn link(self, data: &DataDir, dir: &EpisodeDir) -> TextLinkView {
        let path = self.path(dir);
        let found = facts(data, &path);
        TextLinkView {
            kind: self.name().to_owned(),
            label: self.label().to_owned(),
            lang: self.lang().to_owned(),
            size_bytes: found.map(|(size, _)| size),
            modified_at: found.and_then(|(_, modified)| modified),
            stale: stale_reason(data, &path),
            path: dir.in_workspace(&path),
        }
    }
}

/// Returns size and time of a file; what can't be looked at, or leads out of the workspace, counts as not there.
fn facts(data: &DataDir, path: &Path) -> Option<(u64, Option<UtcTime>)> {
    // One odd file hides no page.
    let opened = data.open_inside(path).inspect_err(|error| tracing::debug!(%error, "a file is not shown"));
    let known = opened.ok()??.metadata().ok()?;
    let since = known.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let seconds = since.and_then(|since| i64::try_from(since.as_secs()).ok());
    let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    Some((known.len(), time.map(UtcTime::new)))
}

/// Returns the size of a file in bytes; none where it isn't there.
pub(super) fn size(data: &DataDir, path: &Path) -> Option<u64> {
    facts(data, path).map(|(size, _)| size)
}

/// Returns why a file is out of date, where a marker beside it says so.
pub(super) fn stale_reason(data: &DataDir, path: &Path) -> Option<String> {
    match data.read_json_inside::<StaleMarker>(&stale_path(path), MAX_TEXT) {
        Ok(marker) => marker.map(|marker| marker.reason),
        // A marker that can't be read is one all the same.
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
