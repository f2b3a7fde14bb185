//! Finds the text files of the workspace without git, so that an unpacked archive works, too.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// A text file of the workspace.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// Relative to the root, with `/` on every system.
    pub(super) path: String,
    pub(super) text: String,
}

impl SourceFile {
    pub(super) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }
}

/// Folders without files to check. `data` is checked by the programs that use it.
const SKIPPED: &[&str] = &["target", "node_modules", "data"];
const KEPT_HIDDEN: &[&str] = &[".cargo", ".ci", ".github", ".env.example", ".gitignore"];

/// Reads every text file below a folder.
///
/// # Errors
/// If a folder or file can't be read.
pub(super) fn read_all(root: &Path) -> Result<Vec<SourceFile>> {
    let mut files = vec![];
    read_folder(root, "", &mut files)?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Vec<SourceFile>) -> Result<()> {
    let cannot_read = || format!("can't read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(cannot_read)? {
        let entry = entry.with_context(cannot_read)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let hidden = name.starts_with('.') && !KEPT_HIDDEN.contains(&name.as_str());
        if hidden || (prefix.is_empty() && SKIPPED.contains(&name.as_str())) {
            continue;
        }
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().with_context(cannot_read)?;
        if kind.is_dir() {
            read_folder(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).with_context(|| format!("can't read {path}"))?;
            // Files that aren't UTF-8 are pictures and the like.
            files.extend(String::from_utf8(bytes).ok().map(|text| SourceFile { path, text }));
        }
    }
    Ok(())
}
