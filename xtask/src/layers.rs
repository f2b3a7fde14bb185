//! `cargo xtask layers`: the arrows between the crates, checked against what cargo says, and circles of modules
//! inside a crate.

mod circles;
mod manifests;
mod table;

use std::fmt::Write;

use anyhow::{Result, bail};
use table::{HOMES, LEFT_OUT, LeftOut, Place, ROWS, Row};

use crate::{
    cargo::say,
    workspace::{Dependency, Metadata, Package, short_name},
};

const TABLE_IS_IN: &str = "xtask/src/layers/table.rs";

/// Checks, then prints the table.
///
/// # Errors
/// As [`check`].
pub(crate) fn run() -> Result<()> {
    check()?;
    say(&markdown());
    Ok(())
}

/// Checks the workspace as it is.
///
/// # Errors
/// If an arrow is forbidden, a manifest breaks a rule or modules form a circle; all of them are listed.
pub(crate) fn check() -> Result<()> {
    let metadata = Metadata::load()?;
    let mut problems = forbidden(&metadata);
    problems.extend(manifests::problems(&metadata)?);
    problems.extend(circles::problems(&metadata)?);
    if !problems.is_empty() {
        bail!("{} against the layers:\n  {}", problems.len(), problems.join("\n  "));
    }
    Ok(())
}

/// Lists everything in the metadata that the table doesn't allow, with the reason.
fn forbidden(metadata: &Metadata) -> Vec<String> {
    let mut problems = vec![];
    for package in &metadata.packages {
        let Some(row) = table::find(package.short_name()) else {
            problems.push(format!(
                "{} has no row in {TABLE_IS_IN}: add one that says what it may use",
                package.name
            ));
            continue;
        };
        problems.extend(package.dependencies.iter().filter_map(|dependency| judge(row, package, dependency)));
    }
    problems
}

fn judge(row: &Row, package: &Package, dependency: &Dependency) -> Option<String> {
    if let Some(rename) = &dependency.rename {
        return Some(format!(
            "{} calls {} '{rename}': use its own name, so that one search finds all",
            package.name, dependency.name
        ));
    }
    let arrow = format!("{} → {}", package.name, dependency.name);
    match (short_name(&dependency.name), dependency.is_dev()) {
        (Some(to), false) if !row.may_use.contains(&to) => Some(format!(
            "{arrow}: {}. Take the dependency out; if the design is to change, change {TABLE_IS_IN}",
            reason(row, to)
        )),
        (Some(to), true) if !may_test_with(row, to) => Some(format!(
            "{arrow} (dev-dependency): tests may use lower layers and the tools, so that no cycle goes \
             through tests; move the test up to the crate that sees both"
        )),
        (None, false) => {
            let (_, homes) = HOMES.iter().find(|(name, _)| *name == dependency.name)?;
            (!homes.contains(&row.name)).then(|| {
                format!(
                    "{arrow}: {} lives in {} only; ask that crate for what you need, or change {TABLE_IS_IN}",
                    dependency.name,
                    homes.join(", ")
                )
            })
        }
        _ => None,
    }
}

/// A crate itself (with its own testing feature on), what lies lower, and tools that don't lead back to it.
fn may_test_with(row: &Row, to: &str) -> bool {
    let lower = match (row.place, table::find(to).map(|row| row.place)) {
        (Place::Layer(own), Some(Place::Layer(other))) => other < own,
        (Place::Layer(_), Some(Place::Tool)) => {
            matches!(to, "simulator" | "testkit") && !table::reaches(to, row.name)
        }
        _ => false,
    };
    to == row.name || row.may_use.contains(&to) || lower
}

fn reason(row: &Row, to: &str) -> String {
    let left_out =
        LEFT_OUT.iter().find(|arrow| (arrow.from == row.name || arrow.from == "*") && arrow.to.contains(&to));
    if let Some(left_out) = left_out {
        return left_out.why.to_owned();
    }
    match (row.place, table::find(to).map(|row| row.place)) {
        (Place::Layer(own), Some(Place::Layer(other))) if other >= own => {
            format!("{} is in layer {own} and {to} in layer {other}, and arrows only go down", row.name)
        }
        (_, None) => format!("{to} has no row in the table"),
        _ => format!("{} may use only: {}", row.name, listed(row.may_use)),
    }
}

/// Prints the table as it stands in the README.
pub(crate) fn markdown() -> String {
    let mut text = "| layer | crate | may use | packages that live here and nowhere else | embeds |\n\
                    | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for row in ROWS {
        let layer = match row.place {
            Place::Layer(number) => number.to_string(),
            Place::Tool => "tool".to_owned(),
        };
        let homes = HOMES.iter().filter(|(_, homes)| homes.first() == Some(&row.name)).map(
            |(name, homes)| match homes.get(1..) {
                Some(others @ [_, ..]) => format!("{name} (also in {})", others.join(", ")),
                _ => (*name).to_owned(),
            },
        );
        let homes = homes.collect::<Vec<_>>().join(", ");
        // Writing to a string can't fail.
        let _never =
            writeln!(text, "| {layer} | {} | {} | {homes} | {} |", row.name, listed(row.may_use), row.embeds);
    }
    text.push_str("\nLeft out on purpose:\n\n");
    for LeftOut { from, to, why } in LEFT_OUT {
        let from = if *from == "*" { "anything" } else { from };
        let _never = writeln!(text, "- {from} → {}: {why}", to.join(", "));
    }
    text
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "–".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests;
