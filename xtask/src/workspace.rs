//! The packages of the workspace and their manifests, as cargo reports them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::cargo;

/// The part of `cargo metadata --no-deps` that the checks use.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
}

/// One package of the workspace.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

/// One line of a dependency section.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for normal ones, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    /// Its other name in the code.
    pub(crate) rename: Option<String>,
}

/// A library, program, test or example.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Target {
    pub(crate) kind: Vec<String>,
    /// Its `lib.rs`, `main.rs` or the like.
    pub(crate) src_path: PathBuf,
}

impl Metadata {
    /// Runs `cargo metadata`.
    ///
    /// # Errors
    /// If cargo fails or prints something else.
    pub(crate) fn load() -> Result<Self> {
        let text = cargo::capture(&mut cargo::cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
        serde_json::from_str(&text).context("cargo metadata printed something unexpected")
    }
}

impl Package {
    /// Returns the name without our prefix, as in the table.
    pub(crate) fn short_name(&self) -> &str {
        short_name(&self.name).unwrap_or(&self.name)
    }

    /// Lists the root files of its library and programs.
    pub(crate) fn product_files(&self) -> impl Iterator<Item = &Path> {
        let is_product = |kind: &String| matches!(kind.as_str(), "lib" | "bin");
        let targets = self.targets.iter().filter(move |target| target.kind.iter().any(is_product));
        targets.map(|target| target.src_path.as_path())
    }

    /// Tells whether it has a library.
    pub(crate) fn is_library(&self) -> bool {
        self.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "lib"))
    }
}

impl Dependency {
    /// Tells whether only tests, examples and benchmarks use it.
    pub(crate) fn is_dev(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

/// Returns the name without our prefix; none for external packages.
pub(crate) fn short_name(package: &str) -> Option<&str> {
    package.strip_prefix("btcedu-").or_else(|| (package == "xtask").then_some(package))
}
