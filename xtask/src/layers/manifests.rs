//! Rules for manifests: they inherit lints, and versions stand only in the root.

use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::workspace::{Metadata, Package};

/// Lists the broken rules of all manifests.
///
/// # Errors
/// If a manifest can't be read.
pub(crate) fn problems(metadata: &Metadata) -> Result<Vec<String>> {
    let mut problems = vec![];
    for package in &metadata.packages {
        let path = &package.manifest_path;
        let text = std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
        problems.extend(manifest_problems(package, &text)?);
    }
    Ok(problems)
}

/// Lists the broken rules of one manifest.
///
/// # Errors
/// If it isn't TOML.
pub(crate) fn manifest_problems(package: &Package, manifest: &str) -> Result<Vec<String>> {
    let manifest: Table =
        manifest.parse().with_context(|| format!("the manifest of {} is not TOML", package.name))?;
    let mut problems = vec![];
    if !inherits(manifest.get("lints")) {
        problems.push(format!("{} doesn't inherit lints: add [lints] workspace = true", package.name));
    }
    if !inherits(manifest.get("package").and_then(|own| own.get("version"))) {
        problems.push(format!("{} states its own version: write version.workspace = true", package.name));
    }
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    for table in std::iter::once(&manifest).chain(targets.filter_map(Value::as_table)) {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let entries = table.get(section).and_then(Value::as_table).into_iter().flatten();
            problems.extend(
                entries.filter(|(name, entry)| !inherits(Some(entry)) && !is_itself(package, name, entry)).map(
                    |(name, _)| {
                        format!(
                            "{} states {name} on its own: put the version into [workspace.dependencies] of the \
                             root and write {name}.workspace = true",
                            package.name
                        )
                    },
                ),
            );
        }
    }
    Ok(problems)
}

fn inherits(entry: Option<&Value>) -> bool {
    entry.and_then(|entry| entry.get("workspace")).and_then(Value::as_bool) == Some(true)
}

/// A crate may depend on itself by path, to use its own testing feature in its tests.
fn is_itself(package: &Package, name: &str, entry: &Value) -> bool {
    name == package.name
        && entry.get("path").and_then(Value::as_str) == Some(".")
        && entry.get("version").is_none()
}
