//! The paths of all files in the data folder; no other module joins paths of its own.

use std::path::{Path, PathBuf};

use btcedu_domain::{ChapterId, EpisodeId, ReviewStage, Sha256Hash, Stage, UtcTime};

/// The workspace: everything that a run leaves behind, below one folder.
#[derive(Debug, Clone)]
pub struct DataDir {
    root: PathBuf,
}

impl DataDir {
    /// Names the folder; nothing is made yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns the folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns where the database is unless a setting says otherwise.
    pub fn database(&self) -> PathBuf {
        self.root.join("btcedu.db")
    }

    /// Returns the folder of the log files.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Returns the paths of one episode.
    pub fn episode(&self, id: &EpisodeId) -> EpisodeDir {
        EpisodeDir { root: self.root.clone(), id: id.clone() }
    }
}

/// All paths of one episode. The id is valid, so no path leaves the workspace.
#[derive(Debug, Clone)]
pub struct EpisodeDir {
    root: PathBuf,
    id: EpisodeId,
}

impl EpisodeDir {
    /// Returns the episode's id.
    pub fn id(&self) -> &EpisodeId {
        &self.id
    }
    /// Returns the workspace that it is in.
    pub fn data(&self) -> DataDir {
        DataDir::new(&self.root)
    }
    /// Returns `outputs/{ep}`.
    pub fn outputs(&self) -> PathBuf {
        self.root.join("outputs").join(self.id.as_str())
    }
    /// Returns `outputs/{ep}/chapters.json`.
    pub fn chapters(&self) -> PathBuf {
        self.outputs().join("chapters.json")
    }
    /// Returns `outputs/{ep}/script.adapted.tr.md`.
    pub fn script(&self) -> PathBuf {
        self.outputs().join("script.adapted.tr.md")
    }
    /// Returns `raw/{ep}/audio.m4a`.
    pub fn audio(&self) -> PathBuf {
        self.root.join("raw").join(self.id.as_str()).join("audio.m4a")
    }
    /// Returns `transcripts/{ep}/transcript.de.txt`.
    pub fn transcript(&self) -> PathBuf {
        self.transcripts().join("transcript.de.txt")
    }
    /// Returns `transcripts/{ep}/transcript.clean.de.txt`.
    pub fn clean_transcript(&self) -> PathBuf {
        self.transcripts().join("transcript.clean.de.txt")
    }
    /// Returns `transcripts/{ep}/transcript.corrected.de.txt`.
    pub fn corrected_transcript(&self) -> PathBuf {
        self.transcripts().join("transcript.corrected.de.txt")
    }
    /// Returns `transcripts/{ep}/transcript.tr.txt`.
    pub fn translation(&self) -> PathBuf {
        self.transcripts().join("transcript.tr.txt")
    }
    /// Returns the files that a stage of pipeline v2 reads, the one it works on first; none for other stages.
    pub fn inputs_of(&self, stage: Stage) -> Vec<PathBuf> {
        match stage {
            Stage::Transcribe => vec![self.audio()],
            Stage::Correct => vec![self.clean_transcript()],
            Stage::Translate => vec![self.corrected_transcript()],
            Stage::Adapt => vec![self.translation(), self.corrected_transcript()],
            Stage::Chapterize => vec![self.script()],
            Stage::Imagegen => vec![self.chapters()],
            Stage::Detect | Stage::Download | Stage::Chunk | Stage::Generate | Stage::Refine => Vec::new(),
        }
    }
    /// Returns the file that a stage of pipeline v2 writes; for imagegen its manifest, none for other stages.
    pub fn output_of(&self, stage: Stage) -> Option<PathBuf> {
        match stage {
            Stage::Download => Some(self.audio()),
            Stage::Transcribe => Some(self.clean_transcript()),
            Stage::Correct => Some(self.corrected_transcript()),
            Stage::Translate => Some(self.translation()),
            Stage::Adapt => Some(self.script()),
            Stage::Chapterize => Some(self.chapters()),
            Stage::Imagegen => Some(self.manifest()),
            Stage::Detect | Stage::Chunk | Stage::Generate | Stage::Refine => None,
        }
    }
    /// Returns what later stages of pipeline v2 have made from a stage's output, directly or not.
    pub fn later_outputs(&self, stage: Stage) -> Vec<PathBuf> {
        let place = |stage: Stage| stage.leaves_at().place_in_v2();
        let later = Stage::ALL.iter().copied().filter(|later| place(*later) > place(stage));
        later.filter_map(|later| self.output_of(later)).collect()
    }
    /// Returns the text that a review is about.
    pub fn reviewed_text(&self, gate: ReviewStage) -> PathBuf {
        match gate {
            ReviewStage::Correct => self.corrected_transcript(),
            ReviewStage::Adapt => self.script(),
        }
    }
    /// Returns the diff that a gate's reviewer looks at, in `outputs/{ep}/review`.
    pub fn review_diff(&self, gate: ReviewStage) -> PathBuf {
        let name = match gate {
            ReviewStage::Correct => "correction_diff.json",
            ReviewStage::Adapt => "adaptation_diff.json",
        };
        self.outputs().join("review").join(name)
    }
    /// Returns `outputs/{ep}/review/review_history.json`.
    pub fn review_history(&self) -> PathBuf {
        self.outputs().join("review/review_history.json")
    }
    /// Returns where a reply that no second try could mend is kept for a person to look at.
    pub fn last_reply(&self, stage: Stage) -> PathBuf {
        self.outputs().join("provenance").join(format!("{stage}_last_reply.txt"))
    }
    fn transcripts(&self) -> PathBuf {
        self.root.join("transcripts").join(self.id.as_str())
    }
    /// Returns `outputs/{ep}/images`.
    pub fn images(&self) -> PathBuf {
        self.outputs().join("images")
    }
    /// Returns `outputs/{ep}/images/store`.
    pub(crate) fn store_folder(&self) -> PathBuf {
        self.images().join("store")
    }
    /// Returns `outputs/{ep}/images/manifest.json`.
    pub fn manifest(&self) -> PathBuf {
        self.images().join("manifest.json")
    }
    /// Returns `outputs/{ep}/images/{chapter_id}.png`.
    pub fn chapter_picture(&self, chapter: &ChapterId) -> PathBuf {
        self.images().join(format!("{chapter}.png"))
    }
    /// Returns `outputs/{ep}/images/thumbs/{hash}.jpg`, the small copy of the picture with that hash.
    pub fn thumbnail(&self, picture: &Sha256Hash) -> PathBuf {
        self.images().join("thumbs").join(format!("{picture}.jpg"))
    }
    /// Returns `outputs/{ep}/render/draft.mp4`, which later work makes from the pictures.
    pub fn draft_video(&self) -> PathBuf {
        self.outputs().join("render/draft.mp4")
    }
    /// Returns `outputs/{ep}/provenance/{stage}_provenance.json`.
    pub fn provenance(&self, stage: Stage) -> PathBuf {
        self.outputs().join("provenance").join(format!("{stage}_provenance.json"))
    }
    /// Returns `outputs/{ep}/dry_run/{stage}`.
    pub fn dry_run(&self, stage: Stage) -> PathBuf {
        self.outputs().join("dry_run").join(stage.as_str())
    }
    /// Returns `outputs/{ep}/.lock`.
    pub fn lock_file(&self) -> PathBuf {
        self.outputs().join(".lock")
    }
    /// Returns `reports/{ep}`; the names in it sort by time.
    pub fn reports(&self) -> PathBuf {
        self.root.join("reports").join(self.id.as_str())
    }
    /// Returns `reports/{ep}/report_{time}.json`.
    pub fn report(&self, at: UtcTime) -> PathBuf {
        let stamp = at.timestamp().strftime("%Y%m%dT%H%M%S%.3fZ").to_string();
        self.reports().join(format!("report_{stamp}.json"))
    }
    /// Returns the folders in which an interrupted text stage may leave temporary files.
    pub fn text_folders(&self) -> [PathBuf; 4] {
        let outputs = self.outputs();
        [outputs.join("provenance"), outputs.join("review"), outputs, self.transcripts()]
    }
    /// Returns the folders in which an interrupted imagegen may leave temporary files.
    ///
    /// One in the store may be a whole picture that was paid for, so look at it before it is removed.
    pub fn picture_folders(&self) -> [PathBuf; 5] {
        let outputs = self.outputs();
        [
            outputs.join("provenance"),
            outputs.join("render"), // the draft's stale marker
            outputs,
            self.images(),
            self.store_folder(),
        ]
    }

    /// Writes a path relative to the workspace, as provenance holds it.
    pub fn in_workspace(&self, path: &Path) -> String {
        relative(path, &self.root)
    }

    /// Writes a path relative to `outputs/{ep}`, as the manifest holds it.
    pub fn in_outputs(&self, path: &Path) -> String {
        relative(path, &self.outputs())
    }
}

fn relative(path: &Path, base: &Path) -> String {
    path.strip_prefix(base).unwrap_or(path).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_contract() {
        let episode = DataDir::new("data").episode(&"-Quu_x".parse().unwrap());
        let chapter: ChapterId = "ch02".parse().unwrap();
        assert_eq!(episode.chapter_picture(&chapter), Path::new("data/outputs/-Quu_x/images/ch02.png"));
        assert_eq!(episode.in_outputs(&episode.chapter_picture(&chapter)), "images/ch02.png");
        assert_eq!(episode.in_workspace(&episode.chapters()), "outputs/-Quu_x/chapters.json");
        assert_eq!(
            episode.provenance(Stage::Imagegen),
            Path::new("data/outputs/-Quu_x/provenance/imagegen_provenance.json")
        );
        assert_eq!(
            episode.report("2026-11-22T10:30:00Z".parse().unwrap()),
            Path::new("data/reports/-Quu_x/report_20261122T103000.000Z.json")
        );
    }

    #[test]
    fn a_stage_works_on_what_the_one_before_it_wrote() {
        let episode = DataDir::new("data").episode(&"ep1".parse().unwrap());
        for stage in Stage::ALL.iter().copied().filter(|stage| !episode.inputs_of(*stage).is_empty()) {
            let before = Stage::ALL.iter().find(|other| {
                Some(other.leaves_at()) == stage.enters_at() && episode.output_of(**other).is_some()
            });
            let written = before.and_then(|before| episode.output_of(*before));
            assert_eq!(episode.inputs_of(stage).first(), written.as_ref(), "{stage}");
        }
        for gate in ReviewStage::ALL {
            assert_eq!(Some(episode.reviewed_text(*gate)), episode.output_of(gate.reviews()));
        }
        let later = episode.later_outputs(Stage::Translate);
        assert_eq!(later, [episode.script(), episode.chapters(), episode.manifest()]);
    }
}
