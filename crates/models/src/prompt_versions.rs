//! Table `prompt_versions`: each version of a prompt template, with one default per name.

use btcedu_domain::{Sha256Hash, UtcTime};
use diesel::{prelude::*, sqlite::Sqlite};

use crate::{
    error::{DbError, expect_row},
    pool::Conn,
    schema::prompt_versions,
};

/// A row of `prompt_versions`.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = prompt_versions, check_for_backend(Sqlite))]
pub struct PromptVersion {
    /// Row id.
    pub id: i64,
    /// The template's name.
    pub name: String,
    /// Counts from 1 for each name.
    pub version: i32,
    /// Hash of the body.
    pub content_hash: Sha256Hash,
    /// The file that it was read from.
    pub template_path: Option<String>,
    /// The model that the template asks for.
    pub model: Option<String>,
    /// The temperature that the template asks for.
    pub temperature: Option<f64>,
    /// The longest answer that the template asks for, in tokens.
    pub max_tokens: Option<i64>,
    /// Whether this is the version in use.
    pub is_default: bool,
    /// When it was registered.
    pub created_at: UtcTime,
    /// A person's notes.
    pub notes: Option<String>,
    /// The template as registered.
    pub body: String,
}

/// A version to register; it isn't the default until [`set_default`].
#[derive(Debug, Clone, Copy, PartialEq, Insertable)]
#[diesel(table_name = prompt_versions)]
pub struct NewPromptVersion<'a> {
    /// The template's name.
    pub name: &'a str,
    /// Counts from 1 for each name.
    pub version: i32,
    /// Hash of the body.
    pub content_hash: Sha256Hash,
    /// The file that it was read from.
    pub template_path: Option<&'a str>,
    /// The model that the template asks for.
    pub model: Option<&'a str>,
    /// The temperature that the template asks for.
    pub temperature: Option<f64>,
    /// The longest answer that the template asks for, in tokens.
    pub max_tokens: Option<i64>,
    /// Now.
    pub created_at: UtcTime,
    /// A person's notes.
    pub notes: Option<&'a str>,
    /// The template as registered.
    pub body: &'a str,
}

/// A template's front matter; `None` clears the column.
#[derive(Debug, Clone, Copy, PartialEq, AsChangeset)]
#[diesel(table_name = prompt_versions, treat_none_as_null = true)]
pub struct PromptMetadata<'a> {
    /// The model that the template asks for.
    pub model: Option<&'a str>,
    /// The temperature that the template asks for.
    pub temperature: Option<f64>,
    /// The longest answer that the template asks for, in tokens.
    pub max_tokens: Option<i64>,
}

/// Lists all versions of all templates, by name, the newest of each first.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_all(conn: &mut Conn) -> Result<Vec<PromptVersion>, DbError> {
    let query = prompt_versions::table.order((prompt_versions::name, prompt_versions::version.desc()));
    Ok(query.select(PromptVersion::as_select()).load(conn)?)
}

/// Lists the versions of a name, newest first.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list(conn: &mut Conn, name: &str) -> Result<Vec<PromptVersion>, DbError> {
    let query = prompt_versions::table.filter(prompt_versions::name.eq(name));
    Ok(query.order(prompt_versions::version.desc()).select(PromptVersion::as_select()).load(conn)?)
}

/// Finds a version by its number.
///
/// # Errors
/// [`DbError`] of the query.
pub fn find_version(conn: &mut Conn, name: &str, version: i32) -> Result<Option<PromptVersion>, DbError> {
    let query = prompt_versions::table
        .filter(prompt_versions::name.eq(name))
        .filter(prompt_versions::version.eq(version));
    Ok(query.select(PromptVersion::as_select()).first(conn).optional()?)
}

/// Finds the version in use.
///
/// # Errors
/// [`DbError`] of the query.
pub fn find_default(conn: &mut Conn, name: &str) -> Result<Option<PromptVersion>, DbError> {
    let query = prompt_versions::table
        .filter(prompt_versions::name.eq(name))
        .filter(prompt_versions::is_default.eq(true));
    Ok(query.select(PromptVersion::as_select()).first(conn).optional()?)
}

/// Inserts a version, which is not the default yet, and returns its row.
///
/// # Errors
/// [`DbError::Duplicate`] if the name has this number or this text already.
pub fn insert(conn: &mut Conn, new: &NewPromptVersion<'_>) -> Result<PromptVersion, DbError> {
    let query =
        diesel::insert_into(prompt_versions::table).values((new, prompt_versions::is_default.eq(false)));
    Ok(query.returning(PromptVersion::as_returning()).get_result(conn)?)
}

/// Makes a version the default instead of the current one. Call it in a transaction.
///
/// # Errors
/// [`DbError::NotFound`] if there is no such version; then nothing is changed.
pub fn set_default(conn: &mut Conn, name: &str, version: i32) -> Result<(), DbError> {
    let of_name = prompt_versions::table.filter(prompt_versions::name.eq(name));
    let wanted = of_name.filter(prompt_versions::version.eq(version));
    let found: i64 = wanted.count().get_result(conn)?;
    if found == 0 {
        return Err(DbError::NotFound { what: "prompt version", id: format!("{name} v{version}") });
    }
    let others = of_name.filter(prompt_versions::version.ne(version));
    diesel::update(others).set(prompt_versions::is_default.eq(false)).execute(conn)?;
    diesel::update(wanted).set(prompt_versions::is_default.eq(true)).execute(conn)?;
    Ok(())
}

/// Records the file that a version was read from.
///
/// # Errors
/// [`DbError::NotFound`] if there is no such row.
pub fn set_template_path(conn: &mut Conn, id: i64, path: Option<&str>) -> Result<(), DbError> {
    let query = diesel::update(prompt_versions::table.find(id)).set(prompt_versions::template_path.eq(path));
    expect_row(query.execute(conn)?, "prompt version", &id)
}

/// Records a template's front matter.
///
/// # Errors
/// [`DbError::NotFound`] if there is no such row.
pub fn set_metadata(conn: &mut Conn, id: i64, metadata: &PromptMetadata<'_>) -> Result<(), DbError> {
    let query = diesel::update(prompt_versions::table.find(id)).set(metadata);
    expect_row(query.execute(conn)?, "prompt version", &id)
}
