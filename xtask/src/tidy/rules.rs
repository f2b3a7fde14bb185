//! The rules. Forbidden words are split in two here, because this file is checked, too.

use super::files::SourceFile;

/// Files with more lines are listed: they may do two things.
const LARGE_FILE_LINES: usize = 600;
/// A lib.rs with more lines is listed: it should contain only docs, modules and names.
const LARGE_LIB_LINES: usize = 60;

/// Absolute folders of one machine, which no file may mention.
const MACHINE_FOLDERS: &[&str] =
    &[concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/Us", "ers/")];

/// Addresses of package registries: each machine has its own setting.
const REGISTRY_WORDS: &[&str] = &[
    concat!("sparse", "+http"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("[source.", "crates-io]"),
    concat!("[regis", "tries"),
];

const LOCKED_SOURCE: &str = concat!("registry+https://github.com/rust-lang/", "crates.io-index");

/// Words for unfinished work or tests that don't run, and what to do instead.
const UNFINISHED: &[(&str, &str)] = &[
    (concat!("to", "do!("), "write it, or open an issue"),
    (concat!("unimple", "mented!("), "write it, or open an issue"),
    (concat!("db", "g!("), "take it out"),
    (concat!("#[ig", "nore"), "mend the test or delete it"),
    (concat!("#[should", "_panic"), "assert on the error instead"),
];

/// Lists the broken rules of one file.
pub(super) fn problems(file: &SourceFile) -> Vec<String> {
    let mut found = vec![];
    let is_rust = file.has_extension("rs");
    if is_rust && !file.text.starts_with("//!") {
        found.push(format!("{}: begins without //! and a sentence on why the file exists", file.path));
    }
    for (number, line) in (1..).zip(file.text.lines()) {
        let mut tell = |what: &str| found.push(format!("{}:{number}: {what}", file.path));
        if file.has_extension("lock") {
            if line.starts_with("source = ") && !line.contains(LOCKED_SOURCE) {
                tell("locked to another source than crates.io");
            }
            continue;
        }
        if MACHINE_FOLDERS.iter().any(|folder| names_folder(line, folder)) {
            tell("holds an absolute path of one machine");
        }
        if REGISTRY_WORDS.iter().any(|word| line.contains(word)) {
            tell("holds a registry's address; set it on the machine instead");
        }
        if is_rust && let Some((word, instead)) = UNFINISHED.iter().find(|(word, _)| line.contains(word)) {
            tell(&format!("holds `{word}`; {instead}"));
        }
    }
    found
}

/// `/x/` counts only where a path begins (not inside a URL or a longer path) and goes on.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let after = line.get(at + folder.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '}' | '-' | '_'))
            && after.is_some_and(char::is_alphanumeric)
    })
}

/// Lists files of the common test program that its main file doesn't declare, so that they never run.
pub(super) fn forgotten_tests(files: &[SourceFile]) -> Vec<String> {
    let Some(main) = files.iter().find(|file| file.path == "tests/main.rs") else { return vec![] };
    let is_declared = |name: &str| {
        main.text.lines().any(|line| {
            line.trim().strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) == Some(name)
        })
    };
    files
        .iter()
        .filter_map(|file| file.path.strip_prefix("tests/")?.strip_suffix(".rs"))
        .filter(|name| !name.contains('/') && *name != "main" && !is_declared(name))
        .map(|name| format!("tests/{name}.rs never runs: add `mod {name};` to tests/main.rs"))
        .collect()
}

/// Lists large files; this is never an error.
pub(super) fn remarks(files: &[SourceFile]) -> Vec<String> {
    let lines_of = |file: &SourceFile| file.text.lines().count();
    let rust = || files.iter().filter(|file| file.has_extension("rs"));
    let large = rust().filter(|file| lines_of(file) > LARGE_FILE_LINES).map(|file| {
        format!("note: {} has {} lines; is a second thing hiding in it?", file.path, lines_of(file))
    });
    let libs = rust().filter(|file| file.path.ends_with("src/lib.rs") && lines_of(file) > LARGE_LIB_LINES);
    let libs = libs.map(|file| {
        format!("note: {} has {} lines; a lib.rs of {LARGE_LIB_LINES} is enough", file.path, lines_of(file))
    });
    large.chain(libs).collect()
}
