//! The modules of one crate, and which module a path leads to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use proc_macro2::TokenStream;

use super::source::{Import, Mention, Source};

/// A module's path inside its crate: `["imagegen", "gather"]`; the crate's root is empty.
pub(super) type ModulePath = Vec<String>;

/// Imports that were followed already: the module, and the path of its `use`.
type Seen = BTreeSet<(ModulePath, Vec<String>)>;

/// One library or program, without its tests.
#[derive(Debug, Default)]
pub(super) struct Modules {
    by_path: BTreeMap<ModulePath, Module>,
}

/// A file, or a `mod name { … }` inside of one.
#[derive(Debug)]
struct Module {
    file: PathBuf,
    imports: Vec<Import>,
    mentions: Vec<Mention>,
}

/// A module mentions something that another one owns.
#[derive(Debug, Clone)]
pub(super) struct Arrow {
    pub(super) from: ModulePath,
    pub(super) to: ModulePath,
    pub(super) file: PathBuf,
    pub(super) line: usize,
    /// The path as it is written.
    pub(super) mention: String,
}

impl Modules {
    /// Reads a crate from its `lib.rs` or `main.rs`.
    ///
    /// # Errors
    /// If a file is missing or isn't Rust.
    pub(super) fn load(root: &Path) -> Result<Self> {
        let mut modules = Self::default();
        let folder = root.parent().context("a crate's root file has a folder")?;
        modules.load_file(vec![], root, folder)?;
        Ok(modules)
    }

    fn load_file(&mut self, path: ModulePath, file: &Path, folder: &Path) -> Result<()> {
        let text = fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
        let tokens: TokenStream =
            text.parse().map_err(|error| anyhow!("{} is not Rust: {error}", file.display()))?;
        self.add(path, Source::read(tokens), file, folder)
    }

    /// Takes a module and its children; `folder` holds the children's files.
    fn add(&mut self, path: ModulePath, source: Source, file: &Path, folder: &Path) -> Result<()> {
        for child in source.modules {
            let child_path = [path.as_slice(), std::slice::from_ref(&child.name)].concat();
            let child_folder = folder.join(&child.name);
            if let Some(source) = child.inline {
                self.add(child_path, source, file, &child_folder)?;
            } else {
                let child_file = folder.join(format!("{}.rs", child.name));
                self.load_file(child_path, &child_file, &child_folder)?;
            }
        }
        let module = Module { file: file.to_owned(), imports: source.imports, mentions: source.mentions };
        self.by_path.insert(path, module);
        Ok(())
    }

    /// Lists what leads from one module to another.
    pub(super) fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = vec![];
        for (from, module) in &self.by_path {
            for mention in &module.mentions {
                arrows.extend(self.owners(from, &mention.path, &mut Seen::new()).into_iter().map(|to| {
                    Arrow {
                        from: from.clone(),
                        to,
                        file: module.file.clone(),
                        line: mention.line,
                        mention: mention.path.join("::"),
                    }
                }));
            }
        }
        arrows
    }

    /// Finds the modules of this crate that own what a path names, as it is written in a module. There are
    /// two where a module and a function have the same name, and none for what is another crate's.
    fn owners(&self, module: &[String], path: &[String], seen: &mut Seen) -> BTreeSet<ModulePath> {
        let Some((first, mut rest)) = path.split_first() else { return BTreeSet::new() };
        match first.as_str() {
            "crate" => self.owners_below(&[], rest, seen),
            "self" => self.owners_below(module, rest, seen),
            "super" => {
                let mut above = parent(module);
                while let Some(("super", further)) =
                    rest.split_first().map(|(word, rest)| (word.as_str(), rest))
                {
                    above = parent(above);
                    rest = further;
                }
                self.owners_below(above, rest, seen)
            }
            _ => self.owners_by_name(module, path, seen),
        }
    }

    /// Follows a path down from a module; what is neither a child nor an import is the module's own.
    fn owners_below(&self, module: &[String], path: &[String], seen: &mut Seen) -> BTreeSet<ModulePath> {
        let found = self.owners_by_name(module, path, seen);
        let is_imported = self.imports(module).any(|import| Some(&import.name) == path.first());
        if found.is_empty() && !is_imported { BTreeSet::from([module.to_vec()]) } else { found }
    }

    /// Follows a path that begins with a child or an import of the module.
    fn owners_by_name(&self, module: &[String], path: &[String], seen: &mut Seen) -> BTreeSet<ModulePath> {
        let Some((first, rest)) = path.split_first() else { return BTreeSet::new() };
        let child = [module, std::slice::from_ref(first)].concat();
        let mut found = BTreeSet::new();
        if self.by_path.contains_key(&child) {
            found = self.owners_below(&child, rest, seen);
            if !rest.is_empty() {
                return found;
            }
        }
        for import in self.imports(module).filter(|import| import.name == *first) {
            // `use serde;` would lead to itself.
            if seen.insert((module.to_vec(), import.path.clone())) {
                let whole = [import.path.as_slice(), rest].concat();
                found.extend(self.owners(module, &whole, seen));
            }
        }
        found
    }

    fn imports(&self, module: &[String]) -> impl Iterator<Item = &Import> {
        self.by_path.get(module).into_iter().flat_map(|module| &module.imports)
    }
}

fn parent(module: &[String]) -> &[String] {
    module.split_last().map_or(&[], |(_, parent)| parent)
}
