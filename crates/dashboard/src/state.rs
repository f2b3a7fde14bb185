//! What every handler is given.

use btcedu_artifacts::EpisodeDir;
use btcedu_domain::{EpisodeId, Sha256Hash};
use btcedu_models::{ChangeCounter, Changes};
use btcedu_pipeline::Desk;

use crate::{
    access::Access, assets::Assets, cache::PageCache, error::WebError, live::Hub, metrics::Metrics,
    pictures::Hashes, templates::Templates,
};

/// What every handler is given.
pub(crate) struct AppState {
    pub(crate) desk: Desk,
    /// Another word for each start: counts begin anew then.
    pub(crate) started: String,
    /// The base path, without a slash at the end.
    pub(crate) base: String,
    pub(crate) access: Access,
    pub(crate) templates: Templates,
    pub(crate) assets: Assets,
    pub(crate) changes: ChangeCounter,
    pub(crate) cache: PageCache,
    pub(crate) hashes: Hashes,
    pub(crate) hub: Hub,
    pub(crate) metrics: Metrics,
}

impl AppState {
    /// Returns an episode's paths.
    pub(crate) fn dir(&self, id: &EpisodeId) -> EpisodeDir {
        self.desk.data().episode(id)
    }

    /// Returns what pages are made of, as one value that moves with every change: the database, and an
    /// episode's files where the page shows some.
    ///
    /// # Errors
    /// The database's, or a file's.
    pub(crate) async fn version(&self, episode: Option<&EpisodeId>) -> Result<String, WebError> {
        let (changes, dir) = (self.changes.clone(), episode.map(|id| self.dir(id)));
        let work = move || {
            let rows = changes.read_blocking()?;
            let files = dir.map(|dir| dir.fingerprint());
            Ok::<_, WebError>((rows, files))
        };
        let (rows, files) = btcedu_pictures::offload(work).await??;
        let Changes { opened, data_version } = rows;
        let files = files.as_ref().map(Sha256Hash::short).unwrap_or_default();
        Ok(format!("{}-{opened}.{data_version}-{files}", self.started))
    }
}
