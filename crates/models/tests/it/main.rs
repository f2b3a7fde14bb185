//! The crate's public face, against real files.

#![cfg(test)]

mod episodes;
mod errors;
mod ledger;
mod media_assets;
mod migrations;
mod other_tables;
mod processes;
mod prompt_versions;
mod schema;

use btcedu_domain::{EpisodeStatus, UtcTime};
use btcedu_models::{Conn, Db, DbError, episodes::Episode, testing};

/// A migrated database in a folder of its own.
struct Fixture {
    db: Db,
    folder: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    Fixture { db: testing::migrated(folder.path()), folder }
}

impl Fixture {
    fn run<T>(&self, queries: impl FnOnce(&mut Conn) -> Result<T, DbError>) -> T {
        testing::run(&self.db, queries).unwrap()
    }

    fn episode(&self, id: &str, status: EpisodeStatus) -> Episode {
        self.run(|conn| Ok(testing::episode(conn, id, status)))
    }
}

fn time(text: &str) -> UtcTime {
    text.parse().unwrap()
}
