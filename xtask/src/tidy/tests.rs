//! The real tree is tidy, and each rule finds its violation.

use super::*;

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

#[test]
fn the_real_tree_is_tidy() {
    let files = files::read_all(root()).unwrap();
    assert!(files.iter().any(|file| file.path == "xtask/src/tidy.rs"));
    assert!(files.iter().all(|file| !file.path.starts_with("target/")));
    let problems = problems(&files);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn each_rule_bites() {
    for (path, text, expected) in [
        ("a.rs", "use std::fs;\n", "a.rs: begins without //!"),
        ("a.rs", concat!("//! A.\nto", "do!()\n"), "a.rs:2: holds `todo"),
        ("a.rs", concat!("//! A.\n#[ig", "nore]\n"), "a.rs:2: holds `#[ig"),
        ("a.rs", concat!("//! A.\ndb", "g!(1)\n"), "take it out"),
        ("a.md", concat!("see /ho", "me/me/x"), "a.md:1: holds an absolute path"),
        ("a.toml", concat!("x = \"/wo", "rk/main\""), "absolute path"),
        (".cargo/config.toml", concat!("[source.", "crates-io]"), "registry"),
        ("Cargo.lock", "source = \"registry+https://mirror.example/index\"", "another source"),
    ] {
        let found = problems(&[file(path, text)]);
        assert!(found.len() == 1 && found[0].contains(expected), "{path}: {found:?}");
    }
}

#[test]
fn what_only_looks_like_a_breach_passes() {
    for (path, text) in [
        (
            "a.md",
            concat!("https://example.com/ho", "me/page and {dir}/wo", "rk/x and the folder `/wo", "rk/`"),
        ),
        ("a.md", concat!("the macro to", "do!() is not used")),
        ("Cargo.lock", concat!("source = \"registry+https://github.com/rust-lang/", "crates.io-index\"")),
    ] {
        assert_eq!(problems(&[file(path, text)]), [""; 0]);
    }
}

#[test]
fn a_test_file_that_nobody_names_is_told() {
    let files = [
        file("tests/main.rs", "//! All.\nmod first_run;\n"),
        file("tests/first_run.rs", "//! A."),
        file("tests/forgotten.rs", "//! B."),
        file("tests/first_run/part.rs", "//! C."),
    ];
    let found = problems(&files);
    assert_eq!(found, ["tests/forgotten.rs never runs: add `mod forgotten;` to tests/main.rs"]);
}

#[test]
fn large_files_are_remarked_only() {
    let files = [file("a.rs", &"//! A.\n".repeat(601)), file("crates/x/src/lib.rs", &"//! A.\n".repeat(61))];
    assert_eq!(problems(&files), [""; 0]);
    assert_eq!(rules::remarks(&files).len(), 2);
}
