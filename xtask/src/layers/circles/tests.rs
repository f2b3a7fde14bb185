//! Circles are found however a path is written, and what is no circle passes.

use std::fs;

use super::*;

/// Writes a crate of these files; its `lib.rs` declares every module that has no `/`.
#[expect(clippy::disallowed_methods, reason = "files of a test, in a folder of its own")]
fn circles_of(lib: &str, files: &[(&str, &str)]) -> Vec<Vec<Arrow>> {
    let folder = tempfile::tempdir().unwrap();
    let mut lib = lib.to_owned();
    for (path, text) in files {
        if let Some(name) = path.strip_suffix(".rs").filter(|name| !name.contains('/')) {
            lib.extend(["mod ", name, ";\n"]);
        }
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::write(folder.path().join("lib.rs"), lib).unwrap();
    circles(&folder.path().join("lib.rs")).unwrap()
}

fn names(circles: &[Vec<Arrow>]) -> Vec<String> {
    let name = |circle: &Vec<Arrow>| {
        circle.iter().map(|arrow| arrow.from.join("::")).collect::<Vec<_>>().join(" → ")
    };
    circles.iter().map(name).collect()
}

/// Two modules, of which `a` mentions `b` in the given way and `b` mentions `a`.
fn with(mention: &str) -> Vec<String> {
    let circles = circles_of(
        "pub use b::Thing;\n",
        &[("a.rs", mention), ("b.rs", "use crate::a::other; pub struct Thing;"), ("c.rs", "pub fn f() {}")],
    );
    names(&circles)
}

#[test]
fn a_circle_is_found_however_its_path_is_written() {
    for mention in [
        "use crate::b::Thing;",
        "use super::b::Thing as Other;",
        "pub(crate) use super::b;",
        "use super::b::*;",
        "use crate::{c::f, b::{self, Thing}};",
        "use {crate::c::f, super::{c, b::{deep::Inner, Thing}}};",
        "use crate::Thing;",
        "use super::Thing;",
        "use self::inner::x; mod inner { use super::super::b::x; }",
        "use crate::r#b::Thing;",
        "fn f() { use crate::b::Thing; }",
        "fn f() { crate::b::f() }",
        "fn f() -> Vec<super::b::Thing> { vec![] }",
        "fn f(x: u8) { match x { _ if super::b::is(x) => {} _ => {} } }",
        "fn f() { let _ = <super::Thing as Default>::default(); }",
        "fn f() { println!(\"{}\", crate::b::NAME) }",
        "use crate::c as seen; use super as above; fn f() { above::b::f() }",
        "macro_rules! m { () => { $crate::b::f() } }",
        "#[derive(x)] #[table(name = crate::b::rows)] struct Row;",
        "#[cfg(not(test))] use crate::b::Thing;",
        "#[cfg(test)] mod tests; use crate::b::Thing;",
        "#[cfg(test)] fn g<A, B>() {} fn f() { crate::b::f() }",
        "struct S { #[cfg(test)] a: u8, b: crate::b::Thing }",
    ] {
        assert_eq!(with(mention), ["a → b"], "{mention}");
    }
}

#[test]
fn what_is_no_circle_passes() {
    for mention in [
        "use crate::c::f;",
        "use ::b::Thing;",
        "use b::Thing;",
        "fn f() { ::b::f(); b::f(); }",
        "//! As `crate::b::Thing`.\n/// See [`crate::b::Thing`].\nfn f() { /* crate::b::f() */ }",
        "const TEXT: &str = \"crate::b::f()\";",
        "#[cfg(test)] use crate::b::Thing;",
        "#[cfg(test)] mod tests { use crate::b::Thing; }",
        "#[cfg(all(test, unix))] fn f() { crate::b::f() }",
        "struct S { #[cfg(test)] b: crate::b::Thing, c: u8 }",
        "use self::inner::x; mod inner { pub fn x() { super::y() } } fn y() {}",
        "fn f() -> impl Fn() + use<> { || {} }",
    ] {
        assert_eq!(with(mention), [""; 0], "{mention}");
    }
}

#[test]
fn a_module_stands_for_what_lies_below_it() {
    let circles = circles_of(
        "",
        &[
            ("text.rs", "mod stage; pub(crate) mod words; use stage::run;"),
            ("text/stage.rs", "use crate::correct::Correcting; use super::words::cut;"),
            ("text/words.rs", "use super::stage;"),
            ("correct.rs", "mod rules; use rules::check; pub fn shared() {}"),
            ("correct/rules.rs", "use crate::text::words::cut; use super::shared;"),
        ],
    );
    assert_eq!(names(&circles), ["correct → text", "text::stage → text::words"]);
}

#[test]
fn a_longer_circle_is_told_with_one_place_for_each_arrow() {
    let circles = circles_of(
        "mod d { pub use crate::c::f as g; }\n",
        &[
            ("a.rs", "\nuse crate::{\n    b::f,\n};\nuse crate::b::h;"),
            ("b.rs", "use crate::d::g;"),
            ("c.rs", "fn f() {\n    crate::a::own()\n}"),
        ],
    );
    assert_eq!(names(&circles), ["a → b → c"]);
    let told = told("btcedu-x", &circles);
    for expected in
        ["btcedu-x has modules", "a → b → c → a", "a.rs:3 has crate::b::f", "b.rs:1 has", "c.rs:2 has"]
    {
        assert!(told.contains(expected), "{expected} in {told}");
    }
    assert!(told.contains(WHAT_TO_DO));
}

#[test]
fn a_module_and_a_function_of_one_name_are_told_apart() {
    // `crate::parse` is both; below it, only the module can be meant.
    let lib = "mod parse { pub fn read() { crate::a::f() } }\nuse other::parse;\n";
    assert_eq!(names(&circles_of(lib, &[("a.rs", "use crate::parse::read;")])), ["a → parse"]);
    assert_eq!(names(&circles_of(lib, &[("a.rs", "use crate::parse;")])), ["a → parse"]);
    let files = [("parse.rs", ""), ("other.rs", "use crate::a::f;"), ("a.rs", "use crate::parse;")];
    assert_eq!(names(&circles_of("pub use other::parse;\n", &files)), ["a → other"]);
}

#[test]
fn no_crate_of_this_workspace_has_a_circle() {
    let metadata = Metadata::load().unwrap();
    assert!(metadata.packages.len() > 10);
    assert_eq!(problems(&metadata).unwrap(), Vec::<String>::new());
}
