//! The enums that files and tables contain, as the specification lists their words.

use crate::text_enum::text_column_enum;

text_column_enum! {
    /// The last pipeline step that an episode has completed, or why it stopped.
    EpisodeStatus as "episode status" {
        /// Found in the feed.
        New = "new",
        /// The audio is here.
        Downloaded = "downloaded",
        /// The German transcript is here.
        Transcribed = "transcribed",
        /// v1: cut into chunks.
        Chunked = "chunked",
        /// v1: text generated.
        Generated = "generated",
        /// v1: text refined.
        Refined = "refined",
        /// v1: done.
        Completed = "completed",
        /// Recognition errors are fixed.
        Corrected = "corrected",
        /// In Turkish, literally.
        Translated = "translated",
        /// In Turkish, for readers in Türkiye.
        Adapted = "adapted",
        /// Cut into chapters.
        Chapterized = "chapterized",
        /// Imagegen has handled every chapter that needs a picture.
        ImagesGenerated = "images_generated",
        /// Not used by this version yet.
        TtsDone = "tts_done",
        /// Not used by this version yet.
        Rendered = "rendered",
        /// Not used by this version yet.
        Approved = "approved",
        /// Not used by this version yet.
        Published = "published",
        /// v1 only: failed for good.
        Failed = "failed",
        /// The episode's cost cap stopped it.
        CostLimit = "cost_limit",
    }
}

text_column_enum! {
    /// One step of the pipeline.
    Stage as "stage" {
        /// Finds new episodes in the feed.
        Detect = "detect",
        /// Fetches the audio.
        Download = "download",
        /// Turns audio into German text.
        Transcribe = "transcribe",
        /// v1: cuts the transcript into chunks.
        Chunk = "chunk",
        /// v1: generates text.
        Generate = "generate",
        /// v1: refines text.
        Refine = "refine",
        /// Fixes recognition errors.
        Correct = "correct",
        /// Translates into Turkish.
        Translate = "translate",
        /// Adapts for readers in Türkiye.
        Adapt = "adapt",
        /// Cuts the script into chapters.
        Chapterize = "chapterize",
        /// Makes the chapters' pictures.
        Imagegen = "imagegen",
    }
}

impl Stage {
    /// Returns the status that an episode must have reached for the stage to start; none for detect.
    pub const fn enters_at(self) -> Option<EpisodeStatus> {
        match self {
            Self::Detect => None,
            Self::Download => Some(EpisodeStatus::New),
            Self::Transcribe => Some(EpisodeStatus::Downloaded),
            Self::Chunk | Self::Correct => Some(EpisodeStatus::Transcribed),
            Self::Generate => Some(EpisodeStatus::Chunked),
            Self::Refine => Some(EpisodeStatus::Generated),
            Self::Translate => Some(EpisodeStatus::Corrected),
            Self::Adapt => Some(EpisodeStatus::Translated),
            Self::Chapterize => Some(EpisodeStatus::Adapted),
            Self::Imagegen => Some(EpisodeStatus::Chapterized),
        }
    }

    /// Returns the status that an episode has once the stage is done.
    pub const fn leaves_at(self) -> EpisodeStatus {
        match self {
            Self::Detect => EpisodeStatus::New,
            Self::Download => EpisodeStatus::Downloaded,
            Self::Transcribe => EpisodeStatus::Transcribed,
            Self::Chunk => EpisodeStatus::Chunked,
            Self::Generate => EpisodeStatus::Generated,
            Self::Refine => EpisodeStatus::Refined,
            Self::Correct => EpisodeStatus::Corrected,
            Self::Translate => EpisodeStatus::Translated,
            Self::Adapt => EpisodeStatus::Adapted,
            Self::Chapterize => EpisodeStatus::Chapterized,
            Self::Imagegen => EpisodeStatus::ImagesGenerated,
        }
    }

    /// Returns the review that must have approved the stage's input.
    pub fn gate_before(self) -> Option<ReviewStage> {
        ReviewStage::ALL.iter().copied().find(|gate| gate.opens() == self)
    }

    /// Returns the review that looks at the stage's output.
    pub fn gate_after(self) -> Option<ReviewStage> {
        ReviewStage::ALL.iter().copied().find(|gate| gate.reviews() == self)
    }
}

text_column_enum! {
    /// The result of one execution of a stage.
    RunStatus as "run status" {
        /// Still running, or interrupted.
        Running = "running",
        /// Ended without an error.
        Success = "success",
        /// Ended with an error.
        Failed = "failed",
    }
}

text_column_enum! {
    /// The kind of result that a paid call requests.
    CallKind as "kind of call" {
        /// Text from a language model.
        Text = "text",
        /// A picture.
        Image = "image",
        /// Text from speech.
        Speech = "speech",
    }
}

text_column_enum! {
    /// The state of one attempt at a paid call.
    CallState as "call state" {
        /// Reserved and about to be sent, in flight, or interrupted.
        Sent = "sent",
        /// Answered; the result is kept.
        Answered = "answered",
        /// Refused by the provider's content policy.
        Refused = "refused",
        /// Failed, with a known cost (mostly zero).
        Failed = "failed",
        /// Possibly billed, so it counts at its estimate.
        Unknown = "unknown",
    }
}

text_column_enum! {
    /// The kind of a media asset.
    AssetType as "asset type" {
        /// A picture.
        Image = "image",
        /// Speech.
        Audio = "audio",
        /// A video.
        Video = "video",
    }
}

text_column_enum! {
    /// The stage whose text a review is about.
    ReviewStage as "review stage" {
        /// Gate 1.
        Correct = "correct",
        /// Gate 2.
        Adapt = "adapt",
    }
}

impl ReviewStage {
    /// Returns the stage whose text is reviewed.
    pub const fn reviews(self) -> Stage {
        match self {
            Self::Correct => Stage::Correct,
            Self::Adapt => Stage::Adapt,
        }
    }

    /// Returns the stage that waits for the review.
    pub const fn opens(self) -> Stage {
        match self {
            Self::Correct => Stage::Translate,
            Self::Adapt => Stage::Chapterize,
        }
    }
}

text_column_enum! {
    /// The state of a review.
    ReviewStatus as "review status" {
        /// Not opened by a reviewer yet.
        Pending = "pending",
        /// Opened by a reviewer.
        InReview = "in_review",
        /// The pipeline goes on.
        Approved = "approved",
        /// The stage must run again.
        Rejected = "rejected",
        /// The stage must run again, with the reviewer's notes.
        ChangesRequested = "changes_requested",
    }
}

impl ReviewStatus {
    /// Tells whether a decision is still needed.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::InReview)
    }

    /// Tells whether the stage must make the text again.
    pub const fn is_sent_back(self) -> bool {
        matches!(self, Self::Rejected | Self::ChangesRequested)
    }
}

text_column_enum! {
    /// The kind of picture that a chapter shows.
    VisualType as "visual type" {
        /// The brand's title template.
        TitleCard = "title_card",
        /// A drawn explanation.
        Diagram = "diagram",
        /// A scene that illustrates the narration.
        BRoll = "b_roll",
        /// A person speaking.
        TalkingHead = "talking_head",
        /// The screen of a program.
        ScreenShare = "screen_share",
    }
}

impl VisualType {
    /// Tells whether imagegen makes pictures of this type; the others use templates or stock footage.
    pub const fn is_generable(self) -> bool {
        matches!(self, Self::Diagram | Self::BRoll | Self::ScreenShare)
    }
}

text_column_enum! {
    /// The state of a chapter's picture in the manifest.
    ImageStatus as "image status" {
        /// The picture exists.
        Generated = "generated",
        /// Imagegen makes no picture of this visual type.
        Skipped = "skipped",
        /// The provider's policy refused the prompt.
        Rejected = "rejected",
        /// All tries failed.
        Failed = "failed",
        /// Not tried yet.
        Pending = "pending",
    }
}

text_column_enum! {
    /// The origin of a picture's prompt.
    PromptSource as "prompt source" {
        /// The chapter's own `image_prompt`.
        Chapter = "chapter",
        /// The language model, from the `imagegen` template.
        Template = "template",
    }
}

impl EpisodeStatus {
    /// Returns the position in pipeline v2, from 0; none for statuses that are not one of its steps.
    pub fn place_in_v2(self) -> Option<usize> {
        const STEPS: [EpisodeStatus; 12] = [
            EpisodeStatus::New,
            EpisodeStatus::Downloaded,
            EpisodeStatus::Transcribed,
            EpisodeStatus::Corrected,
            EpisodeStatus::Translated,
            EpisodeStatus::Adapted,
            EpisodeStatus::Chapterized,
            EpisodeStatus::ImagesGenerated,
            EpisodeStatus::TtsDone,
            EpisodeStatus::Rendered,
            EpisodeStatus::Approved,
            EpisodeStatus::Published,
        ];
        STEPS.iter().position(|status| *status == self)
    }
}

/// Which pipeline an episode follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PipelineVersion {
    /// download → transcribe → chunk → generate → refine.
    V1,
    /// download → transcribe → correct → … → imagegen.
    V2,
}

impl PipelineVersion {
    /// Returns the number in `episodes.pipeline_version`.
    pub const fn number(self) -> i32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// Reads the number in `episodes.pipeline_version`.
    pub const fn from_number(number: i32) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trips<
        T: std::fmt::Debug
            + Copy
            + PartialEq
            + std::fmt::Display
            + std::str::FromStr
            + serde::Serialize
            + serde::de::DeserializeOwned,
    >(
        all: &[T],
    ) where
        T::Err: std::fmt::Debug,
    {
        for &word in all {
            assert_eq!(word.to_string().parse::<T>().unwrap(), word);
            assert_eq!(serde_json::from_value::<T>(serde_json::to_value(word).unwrap()).unwrap(), word);
            assert_eq!(word.to_string(), word.to_string().to_lowercase());
        }
    }

    #[test]
    fn every_word_round_trips_as_text_and_json() {
        round_trips(EpisodeStatus::ALL);
        round_trips(Stage::ALL);
        round_trips(RunStatus::ALL);
        round_trips(CallKind::ALL);
        round_trips(CallState::ALL);
        round_trips(AssetType::ALL);
        round_trips(ReviewStage::ALL);
        round_trips(ReviewStatus::ALL);
        round_trips(VisualType::ALL);
        round_trips(ImageStatus::ALL);
        round_trips(PromptSource::ALL);
    }

    #[test]
    fn in_v2_each_stage_enters_where_the_one_before_it_leaves() {
        use Stage::{Adapt, Chapterize, Correct, Download, Imagegen, Transcribe, Translate};
        let v2 = [Download, Transcribe, Correct, Translate, Adapt, Chapterize, Imagegen];
        for pair in v2.windows(2) {
            assert_eq!(pair[1].enters_at(), Some(pair[0].leaves_at()), "{}", pair[1]);
        }
        let gates: Vec<_> = v2.iter().map(|stage| (stage.gate_before(), stage.gate_after())).collect();
        let (one, two) = (Some(ReviewStage::Correct), Some(ReviewStage::Adapt));
        assert_eq!(gates[2..6], [(None, one), (one, None), (None, two), (two, None)]);
        assert!(gates[..2].iter().chain(&gates[6..]).all(|gates| *gates == (None, None)));
    }

    #[test]
    fn an_unknown_word_is_named_with_what_is_allowed() {
        let error = "portrait".parse::<VisualType>().unwrap_err().to_string();
        assert!(error.contains("'portrait'") && error.contains("b_roll"), "{error}");
    }

    #[test]
    fn only_three_visual_types_get_a_picture() {
        let generable: Vec<_> =
            VisualType::ALL.iter().filter(|t| t.is_generable()).map(|t| t.as_str()).collect();
        assert_eq!(generable, ["diagram", "b_roll", "screen_share"]);
    }
}
