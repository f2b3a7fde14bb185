//! A template as a run reads it once: rendered from, registered and named in the provenance.

use btcedu_models::{Conn, DbError};
use btcedu_prompts::{PromptInUse, PromptName, PromptSource, PromptTemplate};

use crate::StageError;

/// A template: the version in use, and the file that it was read from.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) in_use: PromptInUse,
    /// As it was when the run gathered: what is saved afterwards belongs to the next run.
    file: Option<PromptTemplate>,
}

impl Template {
    /// Reads a template's file and the versions in the database.
    pub(crate) fn load(conn: &mut Conn, source: &PromptSource, name: &str) -> Result<Self, StageError> {
        let name: PromptName = name.parse()?;
        let file = source.load(&name)?;
        let in_use = btcedu_prompts::in_use(conn, &name, file.as_ref())?;
        Ok(Self { in_use: in_use.ok_or_else(|| source.unknown(&name))?, file })
    }

    /// A template that no file holds, for tests of what is decided.
    #[cfg(test)]
    pub(crate) fn without_file(in_use: PromptInUse) -> Self {
        Self { in_use, file: None }
    }

    /// Registers what was read. Call it in the transaction that opens the run.
    pub(crate) fn register(&self, conn: &mut Conn, now: btcedu_domain::UtcTime) -> Result<(), DbError> {
        btcedu_prompts::register(conn, &self.in_use.name, self.file.as_ref(), now).map(drop)
    }
}
