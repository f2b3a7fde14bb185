//! Builds and runs the package in `tests/embedding`, which uses two of our crates from outside of the workspace.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::{
    cargo::{self, cargo, root, say},
    simulator::Simulator,
};

const MANIFEST: &str = "tests/embedding/Cargo.toml";
/// Packages that a tool must not need to build if it only checks documents and makes pictures.
const UNWANTED: [&str; 6] = ["diesel", "libsqlite3-sys", "actix-web", "tera", "clap", "minijinja"];

/// Checks the package's dependencies, then lets it make a picture with the simulator.
///
/// # Errors
/// If it depends on an unwanted package, or if no picture is made.
pub(crate) fn check() -> Result<()> {
    let manifest = root().join(MANIFEST);
    let manifest = manifest.to_str().context("the path of this folder is not UTF-8; move it")?;
    let tree = cargo::capture(&mut cargo(&[
        "tree",
        "--locked",
        "--manifest-path",
        manifest,
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]))?;
    check_tree(&tree)?;
    let simulator = Simulator::start(&cargo::build("btcedu-simulator", "btcedu-simulator", &[])?)?;
    let folder = tempfile::tempdir().context("can't make a folder")?;
    let picture = folder.path().join("picture.png");
    let mut run = cargo(&["run", "--quiet", "--locked", "--manifest-path", manifest, "--target-dir"]);
    run.arg(root().join("target/embedding")).arg("--").arg(root().join("data/sample/chapters.json"));
    run.args([simulator.base_url(), "sk-sim-embedding"]).arg(&picture);
    say(cargo::capture(&mut run)?.trim());
    check_picture(&picture)
}

fn check_tree(tree: &str) -> Result<()> {
    let found: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| UNWANTED.contains(name))
        .collect();
    ensure!(
        found.is_empty(),
        "these come along with btcedu-chapters and btcedu-imagegen: {}",
        found.join(", ")
    );
    ensure!(tree.contains("btcedu-imagegen"), "the tree doesn't hold what it should:\n{tree}");
    Ok(())
}

fn check_picture(picture: &Path) -> Result<()> {
    let bytes = std::fs::read(picture).with_context(|| format!("{} was not written", picture.display()))?;
    ensure!(bytes.starts_with(b"\x89PNG"), "{} is no PNG", picture.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unwanted_package_is_named() {
        let error = check_tree("embedding v0.1.0\nbtcedu-imagegen v0.1.0\ndiesel v2.3.14\n").unwrap_err();
        assert!(error.to_string().contains("diesel"));
        assert!(check_tree("embedding v0.1.0\nbtcedu-imagegen v0.1.0 (x)\nclap-less v1\n").is_ok());
    }
}
