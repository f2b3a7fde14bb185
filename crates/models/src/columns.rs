//! Columns whose stored form differs from the text of the domain type.

use btcedu_domain::{EpisodeStatus, PipelineVersion, Usd, UtcTime};
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    sql_types::{Double, Integer, Nullable, Text},
    sqlite::Sqlite,
};

/// Writes statuses for an `IN (…)`; their words need no escaping.
pub(crate) fn quoted(statuses: &[EpisodeStatus]) -> String {
    statuses.iter().map(|status| format!("'{status}'")).collect::<Vec<_>>().join(", ")
}

type Raw<'a> = <Sqlite as Backend>::RawValue<'a>;

/// Dollars as a floating-point column (`pipeline_runs.estimated_cost_usd`).
#[derive(Debug, FromSqlRow)]
pub struct Dollars(Usd);

impl FromSql<Double, Sqlite> for Dollars {
    fn from_sql(value: Raw<'_>) -> deserialize::Result<Self> {
        let dollars = <f64 as FromSql<Double, Sqlite>>::from_sql(value)?;
        Ok(Self(Usd::from_dollars(dollars)?))
    }
}

impl From<Dollars> for Usd {
    fn from(column: Dollars) -> Self {
        column.0
    }
}

/// The number of a pipeline version.
#[derive(Debug, FromSqlRow)]
pub struct VersionNumber(PipelineVersion);

impl FromSql<Integer, Sqlite> for VersionNumber {
    fn from_sql(value: Raw<'_>) -> deserialize::Result<Self> {
        let number = <i32 as FromSql<Integer, Sqlite>>::from_sql(value)?;
        let version = PipelineVersion::from_number(number);
        Ok(Self(version.ok_or_else(|| format!("{number} is not a pipeline version; allowed: 1, 2"))?))
    }
}

impl From<VersionNumber> for PipelineVersion {
    fn from(column: VersionNumber) -> Self {
        column.0
    }
}

/// A time in this crate's form, or in that of `SQLite`'s `CURRENT_TIMESTAMP` (`2026-11-22 10:30:00`, in UTC).
///
/// <https://www.sqlite.org/lang_createtable.html#the_default_clause>
#[derive(Debug, FromSqlRow)]
pub struct AnyTime(Option<UtcTime>);

impl FromSql<Nullable<Text>, Sqlite> for AnyTime {
    fn from_sql(value: Raw<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
        let time =
            text.parse().or_else(|error| format!("{}Z", text.replacen(' ', "T", 1)).parse().or(Err(error)));
        Ok(Self(Some(time?)))
    }

    fn from_nullable_sql(value: Option<Raw<'_>>) -> deserialize::Result<Self> {
        value.map_or(Ok(Self(None)), Self::from_sql)
    }
}

impl From<AnyTime> for Option<UtcTime> {
    fn from(column: AnyTime) -> Self {
        column.0
    }
}
