//! What is read, what is refused, and that nothing waits.

use std::os::unix::{fs::symlink, net::UnixListener};

use super::*;
use crate::write_atomic;

/// A workspace with `a/text.txt`, and `secret.txt` beside it.
struct World {
    folder: tempfile::TempDir,
    data: DataDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path().join("data"));
        write_atomic(&folder.path().join("secret.txt"), b"secret").unwrap();
        write_atomic(&data.root().join("a/text.txt"), b"text").unwrap();
        Self { folder, data }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data.root().join(name)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        self.data.read(&self.path(name), 9)
    }

    fn pipe(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            Mode::from_raw_mode(0o644),
            0,
        )
        .unwrap();
        path
    }
}

#[test]
fn a_link_is_followed_inside_of_the_workspace_only() {
    let world = World::new();
    symlink("text.txt", world.path("a/near.txt")).unwrap();
    symlink(world.path("a/text.txt"), world.path("a/absolute.txt")).unwrap();
    symlink(world.path("a"), world.path("folder")).unwrap();
    symlink(world.folder.path().join("secret.txt"), world.path("a/far.txt")).unwrap();
    symlink(world.folder.path(), world.path("up")).unwrap();
    for inside in ["a/text.txt", "a/near.txt", "a/absolute.txt", "folder/text.txt"] {
        assert_eq!(world.read(inside).unwrap().unwrap(), b"text", "{inside}");
        assert_eq!(world.data.metadata(&world.path(inside)).unwrap().unwrap().len(), 4, "{inside}");
    }
    for outside in ["a/far.txt", "up/secret.txt", "a/../../secret.txt"] {
        let error = world.read(outside).unwrap_err();
        assert!(matches!(error, FileError::LeadsOut { .. }), "{outside}: {error}");
        assert!(world.data.metadata(&world.path(outside)).unwrap_err().is_refused(), "{outside}");
        assert!(world.data.hash(&world.path(outside), 9).unwrap_err().is_refused(), "{outside}");
        let target = world.path("copy.txt");
        assert!(world.data.copy(&world.path(outside), &target).unwrap_err().is_refused(), "{outside}");
        assert!(!target.exists());
    }
    assert!(world.data.list(&world.path("up")).unwrap_err().is_refused());
    let names = ["folder/absolute.txt", "folder/far.txt", "folder/near.txt", "folder/text.txt"];
    assert_eq!(world.data.list(&world.path("folder")).unwrap(), names.map(|name| world.path(name)));
}

#[test]
fn a_workspace_that_is_a_link_or_below_one_is_read_as_any_other() {
    let world = World::new();
    let link = world.folder.path().join("link");
    symlink(world.data.root(), &link).unwrap();
    symlink(world.folder.path(), world.folder.path().join("above")).unwrap();
    symlink(world.path("a/text.txt"), world.path("a/absolute.txt")).unwrap();
    for root in [link, world.folder.path().join("above/data")] {
        let data = DataDir::new(&root);
        for name in ["a/text.txt", "a/absolute.txt"] {
            assert_eq!(data.read(&root.join(name), 9).unwrap().unwrap(), b"text", "{}", root.display());
        }
        data.check_inside(&root.join("a/new.txt")).unwrap();
    }
}

#[test]
fn what_is_no_regular_file_is_refused_at_once_and_named() {
    let world = World::new();
    world.pipe("a/pipe");
    symlink("a/pipe", world.path("link-to-pipe")).unwrap();
    let _socket = UnixListener::bind(world.path("socket")).unwrap();
    for (name, found) in [("a/pipe", "a named pipe"), ("link-to-pipe", "a named pipe"), ("a", "a folder")] {
        let error = world.read(name).unwrap_err();
        assert!(
            matches!(&error, FileError::NotAFile { found: kind, .. } if *kind == found),
            "{name}: {error}"
        );
        assert!(error.to_string().contains(name), "{error}");
        assert!(world.data.metadata(&world.path(name)).unwrap_err().is_refused(), "{name}");
        assert!(world.data.hash(&world.path(name), 9).unwrap_err().is_refused(), "{name}");
        assert!(world.data.read_json::<u8>(&world.path(name)).unwrap_err().is_refused(), "{name}");
    }
    assert!(world.read("socket").is_err());
    symlink("/dev/zero", world.path("zero")).unwrap();
    assert!(matches!(world.read("zero").unwrap_err(), FileError::LeadsOut { .. }));
}

#[test]
fn a_file_is_read_up_to_its_limit_and_one_that_is_larger_is_refused() {
    let world = World::new();
    let text = world.path("a/text.txt");
    assert_eq!(world.data.read(&text, 4).unwrap().unwrap(), b"text");
    assert_eq!(world.data.hash(&text, 4).unwrap().unwrap(), Sha256Hash::of_bytes(b"text"));
    for error in [world.data.read(&text, 3).map(drop), world.data.hash(&text, 3).map(drop)] {
        assert!(matches!(error.unwrap_err(), FileError::TooLarge { limit: 3, .. }));
    }
    // Larger than any memory, and without a byte on the disk.
    let sparse = world.path("sparse.json");
    fs::OpenOptions::new().create(true).append(true).open(&sparse).unwrap().set_len(1 << 40).unwrap();
    assert!(world.data.read_json::<u8>(&sparse).unwrap_err().is_refused());
}

#[test]
fn a_file_that_is_not_there_is_none() {
    let world = World::new();
    symlink("nothing", world.path("lost")).unwrap();
    for name in ["none", "none/below", "a/text.txt/below", "lost"] {
        assert!(world.read(name).unwrap().is_none(), "{name}");
        assert!(world.data.metadata(&world.path(name)).unwrap().is_none(), "{name}");
    }
    assert!(world.data.list(&world.path("none")).unwrap().is_empty());
    assert!(world.data.list(&world.path("a/text.txt")).is_err());
    assert!(world.data.copy(&world.path("none"), &world.path("copy")).is_err());
}

#[test]
fn a_file_is_written_inside_only() {
    let world = World::new();
    symlink(world.folder.path(), world.path("up")).unwrap();
    symlink(world.folder.path().join("secret.txt"), world.path("a/far.txt")).unwrap();
    symlink(world.folder.path().join("nowhere"), world.path("lost")).unwrap();
    for (path, is_inside) in [
        ("a/new/x.jpg", true),
        ("a/text.txt", true),
        ("up/x.jpg", false),
        ("a/far.txt", false),
        ("lost/x", false),
    ] {
        assert_eq!(world.data.check_inside(&world.path(path)).is_ok(), is_inside, "{path}");
    }
}

#[test]
fn names_the_file_that_is_not_the_json_it_should_be() {
    let world = World::new();
    let path = world.path("manifest.json");
    write_atomic(&path, b"{").unwrap();
    let error = world.data.read_json::<serde_json::Value>(&path).unwrap_err().to_string();
    assert!(error.contains("manifest.json"), "{error}");
}

#[test]
fn only_temporary_files_are_leftovers() {
    let world = World::new();
    write_atomic(&world.path("a/.tmp-2"), b"").unwrap();
    write_atomic(&world.path("a/.tmp-1"), b"").unwrap();
    let found = world.data.leftovers(&world.path("a")).unwrap();
    assert_eq!(found, [world.path("a/.tmp-1"), world.path("a/.tmp-2")]);
}

#[test]
fn an_edited_file_is_kept_under_a_name_of_its_own() {
    let world = World::new();
    let (path, data) = (world.path("transcript.tr.txt"), &world.data);
    assert_eq!(data.keep_edited(&path).unwrap(), None);
    write_atomic(&path, b"mine").unwrap();
    let kept = data.keep_edited(&path).unwrap().unwrap();
    let hash = Sha256Hash::of_bytes(b"mine").short();
    assert_eq!(kept, world.path(&format!("transcript.tr.edited-{hash}.txt")));
    assert_eq!(data.read(&kept, 9).unwrap(), data.read(&path, 9).unwrap());
}
