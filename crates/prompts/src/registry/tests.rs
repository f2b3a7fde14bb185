//! How files become versions, and which of them a run renders.

use btcedu_models::{Db, DbConfig};

use super::*;

struct Bench {
    _folder: tempfile::TempDir,
    db: Db,
    name: PromptName,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("btcedu.db");
        let db = Db::open(&DbConfig { path, ..DbConfig::default() }).unwrap();
        db.migrate().await.unwrap();
        Self { _folder: folder, db, name: "imagegen".parse().unwrap() }
    }

    /// Uses a file with this body; returns (version, body) in use, after checking that a look without writing agrees.
    async fn using(&self, body: &str) -> (i32, String) {
        let text = format!("---\nname: imagegen\nmodel: m\nmax_tokens: 9\n---\n{body}\n");
        let file = PromptTemplate::parse(&text, "imagegen.md").unwrap();
        let name = self.name.clone();
        let now = "2026-11-22T10:30:00Z".parse().unwrap();
        let (looked, used) = self
            .db
            .transaction(move |conn| {
                let looked = in_use(conn, &name, Some(&file))?.unwrap();
                Ok((looked, register(conn, &name, Some(&file), now)?.unwrap()))
            })
            .await
            .unwrap();
        assert_eq!((looked.version, &looked.body), (used.version, &used.body));
        (used.version, used.body)
    }

    async fn promote(&self, version: i32) {
        let name = self.name.clone();
        self.db.transaction(move |conn| promote(conn, &name, version)).await.unwrap();
    }

    async fn versions(&self) -> Vec<PromptVersion> {
        self.db.run(|conn| prompt_versions::list(conn, "imagegen")).await.unwrap()
    }
}

#[tokio::test]
async fn a_changed_file_is_a_new_version_and_the_default_follows_it() {
    let bench = Bench::new().await;
    assert_eq!(bench.using("one").await, (1, "one".into()));
    assert_eq!(bench.using("one").await, (1, "one".into()));
    assert_eq!(bench.using("two").await, (2, "two".into()));
    assert_eq!(bench.versions().await.len(), 2);
}

#[tokio::test]
async fn the_default_stays_where_a_person_put_it() {
    let bench = Bench::new().await;
    bench.using("one").await;
    bench.using("two").await;
    bench.promote(1).await;
    assert_eq!(bench.using("two").await, (1, "one".into()));
    assert_eq!(bench.using("three").await, (1, "one".into()));
    assert_eq!(bench.versions().await.len(), 3);
    bench.promote(3).await;
    assert_eq!(bench.using("four").await, (4, "four".into()));
}

#[tokio::test]
async fn a_file_that_returns_to_an_earlier_body_is_that_version() {
    let bench = Bench::new().await;
    bench.using("one").await;
    bench.using("two").await;
    assert_eq!(bench.using("one").await, (1, "one".into()));
    assert_eq!(bench.using("three").await, (3, "three".into()));
    assert_eq!(bench.versions().await.len(), 3);
}

#[tokio::test]
async fn without_a_file_the_registered_default_is_used() {
    let bench = Bench::new().await;
    bench.using("one").await;
    let name = bench.name.clone();
    let now = "2026-11-22T10:30:00Z".parse().unwrap();
    let used = bench.db.transaction(move |conn| register(conn, &name, None, now)).await.unwrap();
    assert_eq!(used.unwrap().body, "one");
}

#[tokio::test]
async fn a_diff_shows_the_lines_that_differ() {
    let bench = Bench::new().await;
    bench.using("same\nold\nend").await;
    bench.using("same\nnew\nend").await;
    let versions = bench.versions().await;
    let shown = diff(&bench.name, &versions, 1, 2).unwrap();
    assert!(shown.contains("\n-old\n+new\n") && shown.contains("--- imagegen v1"), "{shown}");
    assert_eq!(diff(&bench.name, &versions, 2, 2).unwrap(), "");
    assert!(matches!(diff(&bench.name, &versions, 1, 9), Err(PromptError::NoSuchVersion { version: 9, .. })));
}
