//! `cargo xtask generate`: writes or checks the files that are generated from the code.

use std::{borrow::Cow, fs, path::Path};

use anyhow::{Context, Result, bail};
use similar::TextDiff;

use crate::{
    cargo::{self, say},
    layers,
};

/// Arguments of `generate`.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Args {
    /// Change nothing; fail if a file is out of date
    #[arg(long)]
    check: bool,
}

/// The generated part of a file.
#[derive(Debug, Clone, Copy)]
enum Part {
    Whole,
    /// The text between `<!-- NAME:start -->` and `<!-- NAME:end -->`.
    Between(&'static str),
}

/// The source of the text.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// The table of arrows in this program.
    Layers,
    /// The output of cargo with these arguments.
    Cargo(&'static [&'static str]),
}

/// Every generated file.
const GENERATED: &[(&str, Part, Source)] = &[
    (
        "crates/chapters/chapters.schema.json",
        Part::Whole,
        Source::Cargo(&["run", "--quiet", "--package", "btcedu-chapters", "--example", "schema"]),
    ),
    ("README.md", Part::Between("layers"), Source::Layers),
    ("README.md", Part::Between("settings"), Source::Cargo(&btcedu("settings-table"))),
    (".env.example", Part::Whole, Source::Cargo(&btcedu("env-example"))),
    ("crates/dashboard/openapi.json", Part::Whole, Source::Cargo(&btcedu("openapi"))),
    ("crates/cli/CLI.md", Part::Whole, Source::Cargo(&btcedu("cli-reference"))),
];

/// The hidden command of btcedu that prints its own reference.
const fn btcedu(what: &'static str) -> [&'static str; 9] {
    ["run", "--quiet", "--package", "btcedu-cli", "--bin", "btcedu", "--", "reference", what]
}

/// Writes the files that are out of date, or lists them.
///
/// # Errors
/// If something can't be generated, read or written, or is out of date with `--check`.
pub(crate) fn run(args: Args) -> Result<()> {
    if args.check {
        return check();
    }
    for (file, part, source) in GENERATED {
        let (old, new) = old_and_new(file, *part, *source)?;
        if old == new {
            say(&format!("{file}: up to date"));
        } else {
            write(&cargo::root().join(file), &new)?;
            say(&format!("{file}: written"));
        }
    }
    Ok(())
}

/// Compares every generated file and changes nothing.
///
/// # Errors
/// If one is out of date or can't be generated; the differences are printed.
pub(crate) fn check() -> Result<()> {
    let mut out_of_date = vec![];
    for (file, part, source) in GENERATED {
        let (old, new) = old_and_new(file, *part, *source)?;
        if old != new {
            out_of_date.push(*file);
            let diff = TextDiff::from_lines(old.as_ref(), new.as_str());
            let diff = diff.unified_diff().header(file, "generated").to_string();
            say(&diff.lines().take(40).collect::<Vec<_>>().join("\n"));
        }
    }
    if !out_of_date.is_empty() {
        bail!("out of date: {}; run `cargo xtask generate` and commit the result", out_of_date.join(", "));
    }
    Ok(())
}

/// Returns a file's current text (empty if there is no file) and its new text.
fn old_and_new(file: &str, part: Part, source: Source) -> Result<(Cow<'static, str>, String)> {
    let path = cargo::root().join(file);
    let old = match fs::read_to_string(&path) {
        Ok(text) => Cow::Owned(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Cow::Borrowed(""),
        Err(error) => return Err(error).with_context(|| format!("can't read {file}")),
    };
    let text = match source {
        Source::Layers => layers::markdown(),
        Source::Cargo(args) => {
            cargo::capture(&mut cargo::cargo(args)).with_context(|| format!("can't generate {file}"))?
        }
    };
    let new = match part {
        Part::Whole => format!("{}\n", text.trim_end()),
        Part::Between(name) => replace_between(&old, name, &text).with_context(|| format!("in {file}"))?,
    };
    Ok((old, new))
}

/// Returns the text between a pair of markers.
///
/// # Errors
/// If one of the markers is missing.
pub(crate) fn between<'t>(text: &'t str, name: &str) -> Result<&'t str> {
    let (start, end) = markers(name);
    let missing = || format!("the markers {start} and {end} are missing; add them where the text belongs");
    let (_, after) = text.split_once(&start).with_context(missing)?;
    let (inside, _) = after.split_once(&end).with_context(missing)?;
    Ok(inside)
}

fn replace_between(text: &str, name: &str, new: &str) -> Result<String> {
    let (start, end) = markers(name);
    let old = format!("{start}{}{end}", between(text, name)?);
    Ok(text.replacen(&old, &format!("{start}\n\n{}\n\n{end}", new.trim()), 1))
}

fn markers(name: &str) -> (String, String) {
    (format!("<!-- {name}:start -->"), format!("<!-- {name}:end -->"))
}

#[expect(clippy::disallowed_methods, reason = "a source file under version control, written by a developer")]
fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("can't write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "# Title\n<!-- layers:start -->\nold\n<!-- layers:end -->\ntail\n";

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let once = replace_between(README, "layers", "new\n").unwrap();
        assert_eq!(once, "# Title\n<!-- layers:start -->\n\nnew\n\n<!-- layers:end -->\ntail\n");
        assert_eq!(replace_between(&once, "layers", "new\n").unwrap(), once);
        assert_eq!(between(&once, "layers").unwrap().trim(), "new");
    }

    #[test]
    fn missing_markers_are_named() {
        let error = replace_between(README, "settings", "new").unwrap_err().to_string();
        assert!(error.contains("<!-- settings:start -->"), "{error}");
    }
}
