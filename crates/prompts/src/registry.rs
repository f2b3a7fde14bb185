//! Template versions in the database: registering, choosing the default, comparing.

use btcedu_domain::{Sha256Hash, UtcTime};
use btcedu_models::{
    Conn, DbError,
    prompt_versions::{self, NewPromptVersion, PromptMetadata, PromptVersion},
};
use serde::Serialize;
use similar::TextDiff;

use crate::{PromptError, PromptName, PromptSource, PromptTemplate};

/// The version that a run renders.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PromptInUse {
    /// The template's name.
    pub name: PromptName,
    /// Its version; if it isn't registered yet, the number it would get.
    pub version: i32,
    /// Row id; none if it isn't registered yet.
    pub id: Option<i64>,
    /// The text model it is written for.
    pub model: String,
    /// Stored as metadata; never sent.
    pub temperature: Option<f64>,
    /// The longest visible answer, in tokens.
    pub max_tokens: u32,
    /// SHA-256 of the body.
    pub content_hash: Sha256Hash,
    /// The text that is rendered.
    pub body: String,
}

/// The effect of a template file on the versions; decided before anything is written.
#[derive(Debug, PartialEq)]
struct Move {
    /// The file's version, if it is registered already.
    known: Option<i32>,
    /// The number that a new version would get.
    next: i32,
    /// Whether the file's version becomes the default.
    promote: bool,
}

/// Decides the effect of a file. The version with a `template_path` is the one that was read from the file last.
fn decide(file: &PromptTemplate, versions: &[PromptVersion]) -> Move {
    let known = versions.iter().find(|v| v.content_hash == file.content_hash).map(|v| v.version);
    let held = versions.iter().find(|v| v.template_path.is_some()).map(|v| v.version);
    let default = versions.iter().find(|v| v.is_default).map(|v| v.version);
    Move {
        known,
        next: versions.iter().map(|v| v.version).max().unwrap_or(0) + 1,
        promote: default.is_none() || (default == held && default != known),
    }
}

/// Registers a file's body and returns the version in use. Call it in a transaction.
///
/// A changed file is a new version. It becomes the default only if the file's previous version was the default.
/// If a file returns to an earlier body, it is that earlier version again. Without a file, the registered
/// default is used; the result is `None` if there is no default either.
///
/// # Errors
/// [`DbError`] of the queries.
pub fn register(
    conn: &mut Conn,
    name: &PromptName,
    file: Option<&PromptTemplate>,
    now: UtcTime,
) -> Result<Option<PromptInUse>, DbError> {
    if let Some(file) = file {
        let versions = prompt_versions::list(conn, name.as_str())?;
        let moved = decide(file, &versions);
        let version = match moved.known {
            Some(version) => version,
            None => prompt_versions::insert(conn, &new_version(name, moved.next, file, now))?.version,
        };
        hold(conn, file, &versions, version)?;
        if moved.promote {
            prompt_versions::set_default(conn, name.as_str(), version)?;
        }
    }
    Ok(prompt_versions::find_default(conn, name.as_str())?.map(|row| from_row(name, row)))
}

/// Sets the `template_path` of the file's version only, and copies the front matter, which is not part of the body.
fn hold(
    conn: &mut Conn,
    file: &PromptTemplate,
    before: &[PromptVersion],
    version: i32,
) -> Result<(), DbError> {
    for other in before.iter().filter(|v| v.version != version && v.template_path.is_some()) {
        prompt_versions::set_template_path(conn, other.id, None)?;
    }
    let Some(row) = before.iter().find(|v| v.version == version) else { return Ok(()) };
    if row.template_path.as_deref() != Some(file.path.as_str()) {
        prompt_versions::set_template_path(conn, row.id, Some(&file.path))?;
    }
    let metadata = PromptMetadata {
        model: Some(&file.model),
        temperature: file.temperature,
        max_tokens: Some(file.max_tokens.into()),
    };
    let same = row.model.as_deref() == metadata.model
        && row.temperature == metadata.temperature
        && row.max_tokens == metadata.max_tokens;
    if same { Ok(()) } else { prompt_versions::set_metadata(conn, row.id, &metadata) }
}

fn new_version<'a>(
    name: &'a PromptName,
    version: i32,
    file: &'a PromptTemplate,
    now: UtcTime,
) -> NewPromptVersion<'a> {
    NewPromptVersion {
        name: name.as_str(),
        version,
        content_hash: file.content_hash,
        template_path: Some(&file.path),
        model: Some(&file.model),
        temperature: file.temperature,
        max_tokens: Some(file.max_tokens.into()),
        created_at: now,
        notes: (!file.description.is_empty()).then_some(file.description.as_str()),
        body: &file.body,
    }
}

/// Returns the version that [`register`] would return, without writing anything.
///
/// # Errors
/// [`DbError`] of the queries.
pub fn in_use(
    conn: &mut Conn,
    name: &PromptName,
    file: Option<&PromptTemplate>,
) -> Result<Option<PromptInUse>, DbError> {
    let versions = prompt_versions::list(conn, name.as_str())?;
    if let Some(file) = file {
        let moved = decide(file, &versions);
        let is_default = moved.known.is_some_and(|k| versions.iter().any(|v| v.is_default && v.version == k));
        if moved.promote || is_default {
            return Ok(Some(PromptInUse {
                name: name.clone(),
                version: moved.known.unwrap_or(moved.next),
                id: versions.iter().find(|v| Some(v.version) == moved.known).map(|v| v.id),
                model: file.model.clone(),
                temperature: file.temperature,
                max_tokens: file.max_tokens,
                content_hash: file.content_hash,
                body: file.body.clone(),
            }));
        }
    }
    Ok(versions.into_iter().find(|v| v.is_default).map(|row| from_row(name, row)))
}

fn from_row(name: &PromptName, row: PromptVersion) -> PromptInUse {
    PromptInUse {
        name: name.clone(),
        version: row.version,
        id: Some(row.id),
        model: row.model.unwrap_or_default(),
        temperature: row.temperature,
        max_tokens: row.max_tokens.and_then(|n| u32::try_from(n).ok()).unwrap_or(1024),
        content_hash: row.content_hash,
        body: row.body,
    }
}

/// Makes a version the default, whatever the file's body is. Call it in a transaction.
///
/// # Errors
/// [`DbError::NotFound`] where there is no such version.
pub fn promote(conn: &mut Conn, name: &PromptName, version: i32) -> Result<(), DbError> {
    prompt_versions::set_default(conn, name.as_str(), version)
}

/// Registers the bodies of all template files.
///
/// # Errors
/// [`DbError`] of the queries.
pub fn register_all(conn: &mut Conn, files: &[PromptTemplate], now: UtcTime) -> Result<(), DbError> {
    for file in files {
        register(conn, &file.name, Some(file), now)?;
    }
    Ok(())
}

/// Returns a unified diff of two versions' bodies; it is empty if they are equal.
///
/// # Errors
/// [`PromptError::NoSuchVersion`] if one isn't in `versions`.
pub fn diff(
    name: &PromptName,
    versions: &[PromptVersion],
    from: i32,
    to: i32,
) -> Result<String, PromptError> {
    let find = |version| {
        versions
            .iter()
            .find(|v| v.version == version)
            .ok_or_else(|| PromptError::NoSuchVersion { name: name.to_string(), version })
    };
    // With a final line end, diffs have no "no newline at end of file".
    let (old, new) = (format!("{}\n", find(from)?.body), format!("{}\n", find(to)?.body));
    let diff = TextDiff::from_lines(&old, &new);
    Ok(diff.unified_diff().header(&format!("{name} v{from}"), &format!("{name} v{to}")).to_string())
}

impl PromptSource {
    /// Makes the error for a name that is neither in this set nor in the database.
    pub fn unknown(&self, name: &PromptName) -> PromptError {
        PromptError::Unknown { name: name.to_string(), place: self.describe() }
    }
}

#[cfg(test)]
mod tests;
