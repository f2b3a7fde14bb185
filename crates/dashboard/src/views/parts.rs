//! Parts that several views have.

use btcedu_domain::{EpisodeId, EpisodeStatus};
use serde::Serialize;
use utoipa::ToSchema;

/// What every page about one episode has in its head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct EpisodeHeadView {
    /// The episode.
    #[schema(value_type = String)]
    pub(crate) episode_id: EpisodeId,
    /// Its title.
    pub(crate) title: String,
    /// How far it has got.
    #[schema(value_type = String)]
    pub(crate) status: EpisodeStatus,
}

/// A command to copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CommandView {
    /// What it does.
    pub(crate) about: String,
    /// The command line.
    pub(crate) command: String,
}
