//! What the store keeps, finishes and passes over.

use btcedu_domain::VisualType;

use super::*;
use crate::{ChapterSnapshot, SettingsSnapshot};

fn sidecar(picture: &[u8]) -> Sidecar {
    let snapshot = PictureSnapshot {
        chapter: ChapterSnapshot::Template {
            visual_type: VisualType::Diagram,
            visual_description: "iki blok".into(),
            chapter_title: "Zincir".into(),
            narration_context: "Her blok…".into(),
        },
        settings: SettingsSnapshot {
            style_prefix: String::new(),
            model: "gpt-image-2".into(),
            size: "1536x864".into(),
            quality: "medium".into(),
            style: None,
            template: None,
        },
    };
    let at: UtcTime = "2026-11-22T10:30:00Z".parse().unwrap();
    Sidecar {
        episode_id: "ep1".parse().unwrap(),
        chapter_id: "ch01".parse().unwrap(),
        call_id: CallId::new(),
        chapter_hash: snapshot.chapter_hash(),
        settings_hash: snapshot.settings_hash(),
        request_hash: snapshot.request_hash(),
        snapshot,
        sha256: Sha256Hash::of_bytes(picture),
        size_bytes: picture.len() as u64,
        mime_type: "image/png".into(),
        width: 1,
        height: 1,
        model: "gpt-image-2".into(),
        size: "1536x864".into(),
        quality: "medium".into(),
        style: None,
        prompt: "p".into(),
        revised_prompt: None,
        prompt_source: PromptSource::Template,
        prompt_call_id: None,
        prompt_cost_usd: Usd::ZERO,
        cost_usd: Usd::from_micros(41_000),
        cost_is_estimate: false,
        tokens_in: None,
        tokens_out: None,
        request_id: None,
        sent_at: at,
        generated_at: at,
        c2pa: false,
        attempts: 1,
        warnings: Vec::new(),
    }
}

fn store() -> (tempfile::TempDir, PictureStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = DataDir::new(folder.path()).episode(&"ep1".parse().unwrap()).store();
    (folder, store)
}

#[test]
fn a_committed_picture_is_found_with_its_sidecar() {
    let (_folder, store) = store();
    let sidecar = sidecar(b"picture");
    store.stage(&sidecar, b"picture").unwrap().commit().unwrap();
    let scan = store.scan().unwrap();
    assert_eq!(scan.items, [StoreItem { sidecar: sidecar.clone(), present: true }]);
    assert!(scan.torn.is_empty() && scan.strays.is_empty());
    assert_eq!(fs::read(store.picture(&sidecar)).unwrap(), b"picture");
    assert!(store.data.leftovers(store.folder()).unwrap().is_empty());
}

#[test]
fn a_staged_picture_is_finished_whichever_rename_was_missed() {
    for renamed_sidecar in [false, true] {
        let (_folder, store) = store();
        let sidecar = sidecar(b"picture");
        let staged = store.stage(&sidecar, b"picture").unwrap();
        if renamed_sidecar {
            rename(&staged.temp_sidecar(), &store.folder().join(sidecar.name())).unwrap();
        }
        let scan = store.scan().unwrap();
        assert!(scan.items.is_empty());
        store.finish(&scan.torn[0]).unwrap();
        assert_eq!(store.scan().unwrap().items, [StoreItem { sidecar, present: true }]);
        assert!(store.data.leftovers(store.folder()).unwrap().is_empty());
    }
}

#[test]
fn half_a_picture_is_not_finished() {
    let (_folder, store) = store();
    let sidecar = sidecar(b"picture");
    let staged = store.stage(&sidecar, b"pict").unwrap();
    let scan = store.scan().unwrap();
    assert!(scan.torn.is_empty() && scan.items.is_empty());
    assert_eq!(store.data.leftovers(store.folder()).unwrap(), [staged.temp_sidecar(), staged.temp_picture()]);
}

#[test]
fn a_lost_picture_and_a_stray_one_are_told_apart() {
    let (_folder, store) = store();
    let lost = sidecar(b"picture");
    store.stage(&lost, b"picture").unwrap().commit().unwrap();
    remove_file(&store.picture(&lost)).unwrap();
    let stray = store.folder().join("0123456789abcdef-x.png");
    crate::write_atomic(&stray, b"?").unwrap();
    let scan = store.scan().unwrap();
    assert_eq!(scan.items, [StoreItem { sidecar: lost, present: false }]);
    assert_eq!(scan.strays, [stray]);
}

#[test]
fn a_failed_stage_leaves_nothing_behind() {
    let (_folder, store) = store();
    crate::write_atomic(store.folder(), b"a file where the folder should be").unwrap();
    assert!(store.stage(&sidecar(b"x"), b"x").is_err());
}

#[test]
fn a_device_or_a_pipe_among_the_sidecars_is_a_stray_and_the_pictures_are_still_found() {
    let (folder, store) = store();
    let sidecar = sidecar(b"picture");
    store.stage(&sidecar, b"picture").unwrap().commit().unwrap();
    let (device, pipe) = (store.folder().join("x.json"), store.folder().join("y.json"));
    std::os::unix::fs::symlink("/dev/zero", &device).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let scan = store.scan().unwrap();
    assert_eq!(scan.strays, [device, pipe]);
    assert_eq!(scan.items, [StoreItem { sidecar, present: true }]);
    drop(folder);
}
