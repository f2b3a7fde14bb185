//! The source of template files: the embedded ones, or a folder that replaces them.

use std::{fs, io, path::PathBuf};

use rust_embed::RustEmbed;

use crate::{PromptError, PromptName, PromptTemplate};

#[derive(RustEmbed)]
#[folder = "../../prompts/"]
#[include = "*.md"]
#[exclude = "README.md"]
struct Embedded;

/// A set of template files.
#[derive(Debug, Clone, Default)]
pub enum PromptSource {
    /// The files that are embedded in the program.
    #[default]
    Embedded,
    /// A folder (`PROMPTS_DIR`).
    Folder(PathBuf),
}

impl PromptSource {
    /// Reads one template; returns `None` if the set has none with this name.
    ///
    /// # Errors
    /// [`PromptError`] for a file that can't be read or used.
    pub fn load(&self, name: &PromptName) -> Result<Option<PromptTemplate>, PromptError> {
        let file = format!("{name}.md");
        let (text, path) = match self {
            Self::Embedded => {
                let Some(found) = Embedded::get(&file) else { return Ok(None) };
                (String::from_utf8_lossy(&found.data).into_owned(), format!("prompts/{file}"))
            }
            Self::Folder(folder) => {
                let path = folder.join(&file);
                match fs::read_to_string(&path) {
                    Ok(text) => (text, path.display().to_string()),
                    Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
                    Err(source) => return Err(PromptError::Unreadable { path, source }),
                }
            }
        };
        let template = PromptTemplate::parse(&text, &path)?;
        if template.name != *name {
            let problem = format!("it calls itself '{}', its file '{name}'", template.name);
            return Err(PromptError::FrontMatter { path, problem });
        }
        Ok(Some(template))
    }

    /// Lists the names in the set, sorted. Files that can't be templates (README.md) are skipped.
    ///
    /// # Errors
    /// [`PromptError::Unreadable`] if the folder can't be listed.
    pub fn names(&self) -> Result<Vec<PromptName>, PromptError> {
        let files: Vec<String> = match self {
            Self::Embedded => Embedded::iter().map(std::borrow::Cow::into_owned).collect(),
            Self::Folder(folder) => {
                let failed = |source| PromptError::Unreadable { path: folder.clone(), source };
                fs::read_dir(folder)
                    .map_err(failed)?
                    .map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned()).map_err(failed))
                    .collect::<Result<_, _>>()?
            }
        };
        let mut names: Vec<PromptName> =
            files.iter().filter_map(|f| f.strip_suffix(".md")).filter_map(|stem| stem.parse().ok()).collect();
        names.sort();
        Ok(names)
    }

    /// Reads all templates.
    ///
    /// # Errors
    /// As [`PromptSource::load`], for the first that can't be read.
    pub fn load_all(&self) -> Result<Vec<PromptTemplate>, PromptError> {
        let loaded: Result<Vec<_>, _> = self.names()?.iter().map(|name| self.load(name)).collect();
        Ok(loaded?.into_iter().flatten().collect())
    }

    /// Describes the set, for messages.
    pub fn describe(&self) -> String {
        match self {
            Self::Embedded => "the program's own templates".to_owned(),
            Self::Folder(folder) => format!("'{}' (PROMPTS_DIR)", folder.display()),
        }
    }
}
