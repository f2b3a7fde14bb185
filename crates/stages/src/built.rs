//! The stages that this version of btcedu can run.

use btcedu_artifacts::EpisodeLock;
use btcedu_domain::{EpisodeId, Stage};

use crate::{
    StageContext, StageError,
    adapt::Adapting,
    chapterize::Chapterizing,
    correct::Correcting,
    frame::{
        AnyStage,
        report::{StageFlags, StagePreview, StageReport},
    },
    imagegen::ImageGen,
    text::TextStage,
    translate::Translating,
};

/// A stage that can be run. A new one is a variant here, and the arms that the compiler then asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltStage {
    /// Mends recognition errors.
    Correct,
    /// Translates into Turkish.
    Translate,
    /// Adapts for readers in Türkiye.
    Adapt,
    /// Cuts the script into chapters.
    Chapterize,
    /// Makes the chapters' pictures.
    Imagegen,
}

impl BuiltStage {
    /// Returns a stage of the pipeline, if it can be run.
    pub const fn of(stage: Stage) -> Option<Self> {
        match stage {
            Stage::Correct => Some(Self::Correct),
            Stage::Translate => Some(Self::Translate),
            Stage::Adapt => Some(Self::Adapt),
            Stage::Chapterize => Some(Self::Chapterize),
            Stage::Imagegen => Some(Self::Imagegen),
            Stage::Detect
            | Stage::Download
            | Stage::Transcribe
            | Stage::Chunk
            | Stage::Generate
            | Stage::Refine => None,
        }
    }

    /// Returns the stage of the pipeline.
    pub const fn stage(self) -> Stage {
        match self {
            Self::Correct => Stage::Correct,
            Self::Translate => Stage::Translate,
            Self::Adapt => Stage::Adapt,
            Self::Chapterize => Stage::Chapterize,
            Self::Imagegen => Stage::Imagegen,
        }
    }

    fn steps(self) -> &'static dyn AnyStage {
        match self {
            Self::Correct => &TextStage(Correcting),
            Self::Translate => &TextStage(Translating),
            Self::Adapt => &TextStage(Adapting),
            Self::Chapterize => &TextStage(Chapterizing),
            Self::Imagegen => &ImageGen,
        }
    }

    /// Decides what a run would do: no network, no row, no file, no lock.
    ///
    /// # Errors
    /// As [`BuiltStage::run`], before anything is spent.
    pub async fn preview(
        self,
        ctx: &StageContext,
        id: &EpisodeId,
        flags: &StageFlags,
    ) -> Result<StagePreview, StageError> {
        self.steps().preview(ctx, id, flags).await
    }

    /// As [`BuiltStage::preview`], and writes the exact request bodies to `dry_run/{stage}/`.
    ///
    /// # Errors
    /// As [`BuiltStage::preview`], and [`StageError::File`] where the bodies can't be written.
    pub async fn dry_run(
        self,
        ctx: &StageContext,
        id: &EpisodeId,
        flags: &StageFlags,
    ) -> Result<StagePreview, StageError> {
        self.steps().dry_run(ctx, id, flags).await
    }

    /// Runs the stage. The lock proves that no other run works on the episode.
    ///
    /// # Errors
    /// [`StageError`] where nothing was spent, or where what was bought can't be recorded. A run that ends
    /// early with its answers kept is a [`StageReport`] whose [`StageEnd`](crate::StageEnd) says so.
    pub async fn run(
        self,
        ctx: &StageContext,
        lock: &EpisodeLock,
        flags: &StageFlags,
    ) -> Result<StageReport, StageError> {
        self.steps().run(ctx, lock, flags).await
    }
}

#[cfg(test)]
mod tests;
