//! What every handler is given.

use btcedu_artifacts::{DataDir, EpisodeDir, run_blocking};
use btcedu_domain::{EpisodeId, UtcTime};
use btcedu_models::{ChangeCounter, Changes, Conn, Db, DbError, review_tasks};
use btcedu_pipeline::Desk;

use crate::{
    access::Access,
    assets::Assets,
    cache::PageCache,
    config::BasePath,
    error::WebError,
    hashes::PictureHashes,
    hub::Hub,
    metrics::Metrics,
    templates::{Site, Templates},
    thumbnails::Thumbnails,
};

/// What every handler is given.
pub(crate) struct AppState {
    pub(crate) desk: Desk,
    /// Another word for each start, since the database's changes are counted anew then.
    pub(crate) started: String,
    pub(crate) base: BasePath,
    pub(crate) access: Access,
    pub(crate) templates: Templates,
    pub(crate) assets: Assets,
    pub(crate) changes: ChangeCounter,
    pub(crate) cache: PageCache,
    pub(crate) hashes: PictureHashes,
    pub(crate) thumbnails: Thumbnails,
    pub(crate) hub: Hub,
    pub(crate) metrics: Metrics,
}

impl AppState {
    /// Returns an episode's paths.
    pub(crate) fn dir(&self, id: &EpisodeId) -> EpisodeDir {
        self.desk.data().episode(id)
    }

    /// Returns what all pages have in common.
    pub(crate) fn site(&self) -> Site {
        Site {
            base: self.base.as_str().to_owned(),
            css: self.assets.url("dashboard.css"),
            js: self.assets.url("dashboard.js"),
            icon: self.assets.url("icon.svg"),
            user: self.access.user().map(str::to_owned),
        }
    }

    /// Returns what pages are made of as one value, which is another after each change: of the database, and of
    /// an episode's files where the page shows some.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn version(&self, episode: Option<&EpisodeId>) -> Result<String, WebError> {
        let (changes, dir) = (self.changes.clone(), episode.map(|id| self.dir(id)));
        let read = move || {
            let rows = changes.read_blocking()?;
            let files = dir.map(|dir| dir.fingerprint().short());
            Ok::<_, WebError>((rows, files))
        };
        let (Changes { opened, data_version }, files) = run_blocking(read).await??;
        Ok(format!("{}-{opened}.{data_version}-{}", self.started, files.unwrap_or_default()))
    }

    /// Reads rows and files for one answer: in one closure, on one thread that may block.
    ///
    /// # Errors
    /// What the closure returns.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reader) -> Result<T, WebError> + Send + 'static,
    ) -> Result<T, WebError> {
        let reader = Reader {
            db: self.desk.db().clone(),
            data: self.desk.data().clone(),
            hashes: self.hashes.clone(),
            now: self.desk.clock().now(),
        };
        run_blocking(move || work(&reader)).await?
    }
}

/// What reads rows and files; all of it blocks.
pub(crate) struct Reader {
    pub(crate) db: Db,
    pub(crate) data: DataDir,
    pub(crate) hashes: PictureHashes,
    pub(crate) now: UtcTime,
}

impl Reader {
    /// Runs queries.
    ///
    /// # Errors
    /// The database's.
    pub(crate) fn rows<T>(
        &self,
        queries: impl FnOnce(&mut Conn) -> Result<T, DbError>,
    ) -> Result<T, WebError> {
        Ok(self.db.run_blocking(queries)?)
    }

    /// Counts the reviews that wait, which every page shows in its head.
    ///
    /// # Errors
    /// The database's.
    pub(crate) fn pending_reviews(&self) -> Result<i64, WebError> {
        self.rows(review_tasks::count_open)
    }
}
