//! Database errors; one variant for each thing that the reader can do about it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// An error of a lower layer, kept as the cause. It is shared, because one failed transaction
/// can be the result of several writers.
pub type SharedError = Arc<dyn std::error::Error + Send + Sync>;

/// An operation on the database failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// Another process locked the file for longer than the busy timeout.
    #[error(
        "the database {} is locked by another program (another btcedu, a backup or a database browser); \
         let it finish, then try again", path.display()
    )]
    Locked {
        /// The database file.
        path: PathBuf,
        /// The error of the database.
        source: SharedError,
    },
    /// The disk is full.
    #[error("there is no room left for the database {}; free some space, then try again", path.display())]
    Full {
        /// The database file.
        path: PathBuf,
        /// The error of the database.
        source: SharedError,
    },
    /// The file or its folder can't be written.
    #[error(
        "the database {} can't be written; check the permissions of the file and its folder", path.display()
    )]
    ReadOnly {
        /// The database file.
        path: PathBuf,
        /// The error of the database.
        source: SharedError,
    },
    /// The file can't be opened or created.
    #[error(
        "the database {} can't be opened; check that its folder exists and that both may be read and written",
        path.display()
    )]
    CannotOpen {
        /// The database file.
        path: PathBuf,
        /// The error of the database or the system.
        source: SharedError,
    },
    /// The file is not a database.
    #[error("{} is not a database; check the setting DATABASE_URL, or move the file away", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// The error of the database.
        source: SharedError,
    },
    /// The file is damaged.
    #[error("the database {} is damaged; restore a backup, or rescue it with `sqlite3 FILE .recover`", path.display())]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// The error of the database.
        source: SharedError,
    },
    /// Reading or writing the disk failed.
    #[error("the disk failed under the database {}; look at the system's log", path.display())]
    Disk {
        /// The database file.
        path: PathBuf,
        /// The error of the database.
        source: SharedError,
    },
    /// A table or column does not exist yet.
    #[error("the database {} lacks tables that this version needs; run `btcedu migrate`", path.display())]
    Unmigrated {
        /// The database file.
        path: PathBuf,
        /// The error of the database.
        source: SharedError,
    },
    /// A newer btcedu has migrated the file.
    #[error(
        "the database {} has migration {step}, which this version doesn't know; update btcedu", path.display()
    )]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// The unknown migration's version.
        step: String,
    },
    /// A migration failed; none of the pending ones was applied.
    #[error("migration {step} of the database {} failed, nothing was changed; please report it", path.display())]
    Migration {
        /// The database file.
        path: PathBuf,
        /// The migration's name.
        step: String,
        /// What went wrong.
        source: SharedError,
    },
    /// The path isn't UTF-8, which `SQLite` needs.
    #[error("the database's path {} is not UTF-8; choose another one", path.display())]
    PathNotText {
        /// The path.
        path: PathBuf,
    },
    /// Every connection of this process was in use for too long.
    #[error("no connection to the database {} became free within 30 s; try again", path.display())]
    Exhausted {
        /// The database file.
        path: PathBuf,
        /// The error of the pool.
        source: Arc<diesel::r2d2::PoolError>,
    },
    /// The program is ending, so the work was not started.
    #[error("the program is ending, so nothing was asked of the database {}", path.display())]
    Stopped {
        /// The database file.
        path: PathBuf,
        /// The error of tokio.
        source: SharedError,
    },
    /// The row to change does not exist.
    #[error("there is no {what} '{id}' in the database")]
    NotFound {
        /// The kind of row, for the message.
        what: &'static str,
        /// The id that was asked for.
        id: String,
    },
    /// A row with these unique values exists.
    #[error("the database has such a row already ({constraint})")]
    Duplicate {
        /// `SQLite`'s message, which names table and columns.
        constraint: String,
        /// The whole error.
        source: Arc<diesel::result::Error>,
    },
    /// The row breaks another rule of its table.
    #[error("the row breaks a rule of its table ({constraint}); please report it")]
    Constraint {
        /// `SQLite`'s message.
        constraint: String,
        /// The whole error.
        source: Arc<diesel::result::Error>,
    },
    /// This version does not know a stored value.
    #[error("a row holds a value that this version can't read; if a newer btcedu wrote it, update this one")]
    Unreadable {
        /// The value, and the allowed ones.
        source: Arc<diesel::result::Error>,
    },
    /// Anything else.
    #[error("the database refused a query; please report it together with the cause")]
    Query {
        /// The error of Diesel or the database.
        source: Arc<diesel::result::Error>,
    },
}

impl From<diesel::result::Error> for DbError {
    fn from(source: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind as Kind, Error};
        let source = Arc::new(source);
        match &*source {
            Error::DatabaseError(Kind::UniqueViolation, info) => {
                Self::Duplicate { constraint: info.message().to_owned(), source }
            }
            Error::DatabaseError(
                Kind::ForeignKeyViolation | Kind::NotNullViolation | Kind::CheckViolation,
                info,
            ) => Self::Constraint { constraint: info.message().to_owned(), source },
            Error::DeserializationError(_) => Self::Unreadable { source },
            _ => Self::Query { source },
        }
    }
}

impl DbError {
    /// Adds the file's path, and the cause if `SQLite`'s message tells it.
    pub(crate) fn at(self, path: &Path) -> Self {
        match self {
            Self::Query { source } => match message(&source).and_then(Cause::of) {
                Some(cause) => cause.error(path, source),
                None => Self::Query { source },
            },
            other => other,
        }
    }

    /// Makes the error of a failed migration; a full disk and missing rights have their own variants.
    pub(crate) fn migration(path: &Path, step: &str, source: impl Into<SharedError>) -> Self {
        let source = source.into();
        match Cause::of(&source.to_string()) {
            Some(cause) if cause != Cause::Unmigrated => cause.error(path, source),
            _ => Self::Migration { path: path.to_owned(), step: step.to_owned(), source },
        }
    }

    /// Makes the error of a connection that can't be opened.
    pub(crate) fn cannot_open(
        path: &Path,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::CannotOpen { path: path.to_owned(), source: source.into().into() }
    }

    /// Tells whether the table does not exist yet.
    pub(crate) fn is_unmigrated(&self) -> bool {
        match self {
            Self::Unmigrated { .. } => true,
            Self::Query { source } => message(source).and_then(Cause::of) == Some(Cause::Unmigrated),
            _ => false,
        }
    }
}

/// Returns an error if no row was changed.
pub(crate) fn expect_row(changed: usize, what: &'static str, id: &impl ToString) -> Result<(), DbError> {
    if changed == 0 { Err(DbError::NotFound { what, id: id.to_string() }) } else { Ok(()) }
}

/// Returns `SQLite`'s message, if the error has one.
fn message(error: &diesel::result::Error) -> Option<&str> {
    use diesel::result::Error;
    match error {
        Error::DatabaseError(_, info) => Some(info.message()),
        Error::RollbackErrorOnCommit { commit_error, .. } => message(commit_error),
        _ => None,
    }
}

/// Causes for which Diesel has no error kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Locked,
    Full,
    ReadOnly,
    CannotOpen,
    NotADatabase,
    Corrupt,
    Disk,
    Unmigrated,
}

impl Cause {
    /// Reads `SQLite`'s message, because Diesel keeps no result code for these.
    ///
    /// The messages are the constants of `sqlite3ErrStr` in `SQLite`'s `main.c`. A migration
    /// error has more text before them, so only the end is compared.
    fn of(message: &str) -> Option<Self> {
        const ENDINGS: [(&str, Cause); 8] = [
            ("database is locked", Cause::Locked),
            ("database table is locked", Cause::Locked),
            ("database or disk is full", Cause::Full),
            ("attempt to write a readonly database", Cause::ReadOnly),
            ("unable to open database file", Cause::CannotOpen),
            ("file is not a database", Cause::NotADatabase),
            ("database disk image is malformed", Cause::Corrupt),
            ("disk I/O error", Cause::Disk),
        ];
        const BEGINNINGS: [(&str, Cause); 4] = [
            ("database table is locked: ", Cause::Locked),
            ("database schema is locked: ", Cause::Locked),
            ("no such table: ", Cause::Unmigrated),
            ("no such column: ", Cause::Unmigrated),
        ];
        let ending = ENDINGS.iter().find(|(words, _)| message.ends_with(words));
        ending.or_else(|| BEGINNINGS.iter().find(|(words, _)| message.starts_with(words))).map(|(_, c)| *c)
    }

    fn error(self, path: &Path, source: SharedError) -> DbError {
        let path = path.to_owned();
        match self {
            Self::Locked => DbError::Locked { path, source },
            Self::Full => DbError::Full { path, source },
            Self::ReadOnly => DbError::ReadOnly { path, source },
            Self::CannotOpen => DbError::CannotOpen { path, source },
            Self::NotADatabase => DbError::NotADatabase { path, source },
            Self::Corrupt => DbError::Corrupt { path, source },
            Self::Disk => DbError::Disk { path, source },
            Self::Unmigrated => DbError::Unmigrated { path, source },
        }
    }
}

impl btcedu_domain::Kinded for DbError {
    fn kind(&self) -> btcedu_domain::ErrorKind {
        btcedu_domain::ErrorKind::Failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_sqlites_phrases_has_its_cause() {
        for (words, cause) in [
            ("database is locked", Some(Cause::Locked)),
            ("database table is locked", Some(Cause::Locked)),
            ("database table is locked: episodes", Some(Cause::Locked)),
            ("database schema is locked: main", Some(Cause::Locked)),
            ("database or disk is full", Some(Cause::Full)),
            ("attempt to write a readonly database", Some(Cause::ReadOnly)),
            ("unable to open database file", Some(Cause::CannotOpen)),
            ("file is not a database", Some(Cause::NotADatabase)),
            ("database disk image is malformed", Some(Cause::Corrupt)),
            ("disk I/O error", Some(Cause::Disk)),
            ("no such table: episodes", Some(Cause::Unmigrated)),
            ("no such column: review_status", Some(Cause::Unmigrated)),
            ("Failed to run 2026-11-22-000001 with: database or disk is full", Some(Cause::Full)),
            ("UNIQUE constraint failed: episodes.episode_id", None),
            ("fts5: syntax error near \"database is locked\"", None),
            ("", None),
        ] {
            assert_eq!(Cause::of(words), cause, "{words}");
        }
    }
}
