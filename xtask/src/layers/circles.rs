//! Circles of modules inside one crate.
//!
//! The rule: modules that stand side by side must not need each other in a circle, directly or through their
//! children. Each level of a crate is looked at on its own. There, a module stands for all that lies below it,
//! and an arrow is a path, in a `use` or in an expression, that leads from one module's files to an item of
//! another. An item that is re-exported counts as its own module's.
//!
//! A parent and its children may use each other, since that is how Rust's modules are built. Tests don't count.

mod modules;
mod source;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Write,
    path::Path,
};

use anyhow::{Context, Result};
use modules::{Arrow, ModulePath, Modules};

use crate::{cargo, workspace::Metadata};

const WHAT_TO_DO: &str = "Move what both sides need into a module of its own, \
                          or into the one of the two that is lower, or pass it as an argument";

/// The arrows between the modules of one level: from, to, and one place that shows it.
type Level = BTreeMap<ModulePath, BTreeMap<ModulePath, Arrow>>;

/// Lists the circles of every library and program of the workspace.
///
/// # Errors
/// If a file can't be read or isn't Rust.
pub(crate) fn problems(metadata: &Metadata) -> Result<Vec<String>> {
    let mut problems = vec![];
    for package in &metadata.packages {
        for root in package.product_files() {
            let circles =
                circles(root).with_context(|| format!("can't read the modules of {}", package.name))?;
            if !circles.is_empty() {
                problems.push(told(&package.name, &circles));
            }
        }
    }
    Ok(problems)
}

/// Finds, for each module that is in a circle, the shortest one.
fn circles(root: &Path) -> Result<Vec<Vec<Arrow>>> {
    let mut found = vec![];
    let mut known = BTreeSet::new();
    for level in levels(Modules::load(root)?.arrows()).values() {
        for start in level.keys() {
            let Some(circle) = shortest_circle(level, start) else { continue };
            let members: BTreeSet<ModulePath> = circle.iter().map(|arrow| arrow.from.clone()).collect();
            if known.insert(members) {
                found.push(circle);
            }
        }
    }
    Ok(found)
}

/// Sorts arrows by the module in which both ends meet. There, either end stands for what lies below it.
fn levels(arrows: Vec<Arrow>) -> BTreeMap<ModulePath, Level> {
    let mut levels: BTreeMap<ModulePath, Level> = BTreeMap::new();
    for arrow in arrows {
        let shared = arrow.from.iter().zip(&arrow.to).take_while(|(from, to)| from == to).count();
        // One is the other's ancestor, or both are the same.
        let (Some(from), Some(to)) = (arrow.from.get(..=shared), arrow.to.get(..=shared)) else { continue };
        let (from, to) = (from.to_vec(), to.to_vec());
        let level = from.iter().take(shared).cloned().collect();
        let shown = Arrow { from: from.clone(), to: to.clone(), ..arrow };
        levels.entry(level).or_default().entry(from).or_default().entry(to).or_insert(shown);
    }
    levels
}

/// Searches breadth first for the way from a module back to itself.
fn shortest_circle(level: &Level, start: &ModulePath) -> Option<Vec<Arrow>> {
    let mut reached_by: BTreeMap<&ModulePath, &Arrow> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(module) = queue.pop_front() {
        for arrow in level.get(module).into_iter().flat_map(BTreeMap::values) {
            if reached_by.contains_key(&arrow.to) {
                continue;
            }
            reached_by.insert(&arrow.to, arrow);
            queue.push_back(&arrow.to);
        }
    }
    let mut circle = VecDeque::from([(*reached_by.get(start)?).clone()]);
    while let Some(first) = circle.front().filter(|first| first.from != *start) {
        circle.push_front((*reached_by.get(&first.from)?).clone());
    }
    Some(circle.into())
}

fn told(package: &str, circles: &[Vec<Arrow>]) -> String {
    let mut text = format!("{package} has modules that need each other in a circle. {WHAT_TO_DO}.");
    for circle in circles {
        let names: Vec<String> =
            circle.iter().chain(circle.first()).map(|arrow| arrow.from.join("::")).collect();
        // Writing to a string can't fail.
        let _never = write!(text, "\n    {}", names.join(" → "));
        for arrow in circle {
            let file = arrow.file.strip_prefix(cargo::root()).unwrap_or(&arrow.file);
            let _never = write!(text, "\n      {}:{} has {}", file.display(), arrow.line, arrow.mention);
        }
    }
    text
}

#[cfg(test)]
mod tests;
