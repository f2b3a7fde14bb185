//! The table is consistent, the real workspace keeps it, and a forbidden arrow is reported with the reason.

use serde_json::json;

use super::{manifests::manifest_problems, *};
use crate::{cargo, generate};

fn workspace(package: &str, dependency: &str, kind: Option<&str>) -> Metadata {
    serde_json::from_value(json!({"packages": [{
        "name": package, "manifest_path": "Cargo.toml", "targets": [{"kind": ["lib"], "src_path": "src/lib.rs"}],
        "dependencies": [{"name": dependency, "kind": kind, "rename": null}],
    }]}))
    .unwrap()
}

#[test]
fn the_real_workspace_keeps_its_layers() {
    check().unwrap();
}

#[test]
fn a_forbidden_arrow_fails_with_the_arrow_and_the_reason() {
    for (from, to, kind, why) in [
        ("btcedu-dashboard", "btcedu-imagegen", None, "can't spend money"),
        ("btcedu-imagegen", "btcedu-models", None, "knows no row"),
        ("btcedu-simulator", "btcedu-catalog", None, "can't confirm itself"),
        ("btcedu-domain", "btcedu-models", None, "arrows only go down"),
        ("btcedu-chapters", "btcedu-models", None, "arrows only go down"),
        ("btcedu-pipeline", "btcedu-catalog", None, "may use only: domain, chapters"),
        ("btcedu-stages", "btcedu-cli", None, "is the rim"),
        ("btcedu-stages", "btcedu-simulator", None, "dev-dependency"),
        ("btcedu-stages", "btcedu-testkit", Some("build"), "dev-dependency"),
        ("btcedu-models", "btcedu-prompts", Some("dev"), "no cycle goes"),
        ("btcedu-domain", "btcedu-simulator", Some("dev"), "no cycle goes"),
        ("btcedu-simulator", "btcedu-testkit", Some("dev"), "no cycle goes"),
        ("btcedu-stages", "btcedu-bench", Some("dev"), "no cycle goes"),
        ("xtask", "btcedu-domain", None, "may use only: –"),
        ("btcedu-stages", "diesel", None, "diesel lives in models"),
        ("btcedu-stages", "reqwest", Some("build"), "reqwest lives in http"),
    ] {
        let problems = forbidden(&workspace(from, to, kind));
        let [problem] = problems.as_slice() else { panic!("{from} → {to}: {problems:?}") };
        assert!(problem.contains(&format!("{from} → {to}")) && problem.contains(why), "{problem}");
    }
}

#[test]
fn allowed_arrows_pass() {
    for (from, to, kind) in [
        ("btcedu-prompts", "btcedu-models", None),
        ("btcedu-bench", "btcedu-testkit", None),
        ("btcedu-imagegen", "btcedu-simulator", Some("dev")),
        ("btcedu-cli", "btcedu-testkit", Some("dev")),
        ("btcedu-models", "btcedu-models", Some("dev")),
        ("btcedu-stages", "btcedu-http", Some("dev")),
        ("btcedu-stages", "diesel", Some("dev")),
        ("btcedu-models", "diesel", None),
        ("btcedu-stages", "serde", None),
    ] {
        assert_eq!(forbidden(&workspace(from, to, kind)), [""; 0]);
    }
}

#[test]
fn an_unknown_package_and_a_renamed_one_are_told() {
    let unknown = forbidden(&workspace("btcedu-utils", "serde", None));
    assert!(unknown[0].contains("btcedu-utils has no row"), "{unknown:?}");
    let mut renamed = workspace("btcedu-stages", "btcedu-domain", None);
    renamed.packages[0].dependencies[0].rename = Some("words".to_owned());
    assert!(forbidden(&renamed)[0].contains("calls btcedu-domain 'words'"));
}

#[test]
fn the_table_itself_only_points_down() {
    for (index, row) in ROWS.iter().enumerate() {
        assert!(ROWS[..index].iter().all(|earlier| earlier.name != row.name), "{} stands twice", row.name);
        for used in row.may_use {
            let place = table::find(used).unwrap().place;
            match (row.place, place) {
                (Place::Layer(own), Place::Layer(other)) => assert!(other < own, "{} → {used}", row.name),
                (Place::Layer(_), Place::Tool) => panic!("{} → {used}", row.name),
                (Place::Tool, _) => assert!(!table::reaches(used, row.name)),
            }
        }
    }
    for LeftOut { from, to: targets, .. } in LEFT_OUT {
        let allowed = table::find(from).map_or(&[][..], |row| row.may_use);
        assert!(targets.iter().all(|to| !allowed.contains(to)), "{from} → {targets:?} is in the table");
    }
    for (package, homes) in HOMES {
        assert!(homes.iter().all(|home| table::find(home).is_some()), "{package}");
    }
}

#[test]
fn manifests_must_inherit_lints_and_versions() {
    let package = &workspace("btcedu-stages", "serde", None).packages[0];
    let good = "[package]\nversion.workspace = true\n[lints]\nworkspace = true\n\
                [dependencies]\nserde.workspace = true\nimage = { workspace = true, optional = true }\n\
                [dev-dependencies]\nbtcedu-stages = { path = \".\", features = [\"testing\"] }\n";
    assert_eq!(manifest_problems(package, good).unwrap(), [""; 0]);
    for (from, to, expected) in [
        ("workspace = true\n[dep", "rust.unsafe_code = \"allow\"\n[dep", "doesn't inherit lints"),
        ("version.workspace = true", "version = \"1.0.0\"", "states its own version"),
        ("serde.workspace = true", "serde = \"1\"", "states serde on its own"),
        ("serde.workspace = true", "serde = { path = \"../serde\" }", "states serde on its own"),
        (
            "[dev-dependencies]",
            "[target.'cfg(unix)'.build-dependencies]\ncc = \"1\"\n[x]",
            "states cc on its own",
        ),
    ] {
        let problems = manifest_problems(package, &good.replace(from, to)).unwrap();
        assert!(problems.len() == 1 && problems[0].contains(expected), "{expected}: {problems:?}");
    }
}

#[test]
fn the_readme_shows_the_table() {
    let path = cargo::root().join("README.md");
    // `cargo xtask verify` reports a missing README.
    let Ok(readme) = std::fs::read_to_string(path) else { return };
    let shown = generate::between(&readme, "layers").unwrap();
    assert!(shown.trim() == markdown().trim(), "README's table is out of date: run `cargo xtask generate`");
}
