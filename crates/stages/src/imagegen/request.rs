//! What a chapter's picture is asked for with today, hashed once.

use std::sync::Arc;

use btcedu_artifacts::{ChapterSnapshot, PictureSnapshot, SettingsSnapshot, TemplateSnapshot};
use btcedu_catalog::{ImageModel, TextModel};
use btcedu_chapters::Chapter;
use btcedu_domain::{PromptSource, Sha256Hash};

use crate::{StageContext, StageError, frame::template::Template};

/// How much of a narration a prompt may be written from, in characters.
const NARRATION_CONTEXT: usize = 300;

/// What a picture is asked for with today, beside its chapter.
#[derive(Debug, Clone)]
pub(crate) struct RequestSettings {
    pub(crate) model: ImageModel,
    pub(crate) size: String,
    pub(crate) quality: String,
    pub(crate) style_prefix: String,
    pub(crate) template: Template,
    pub(crate) text_model: String,
    pub(crate) text_prices: Option<TextModel>,
}

impl RequestSettings {
    /// Completes what the person set by what the model takes.
    pub(crate) fn of(ctx: &StageContext, template: Template) -> Result<Self, StageError> {
        let image = &ctx.settings.image;
        let model = ctx.catalog.resolve_image(&image.model, image.price)?;
        let size = image.size.clone().unwrap_or_else(|| model.default_size.to_string());
        let quality = image.quality.clone().unwrap_or_else(|| model.default_quality.clone());
        model.check_settings(&size, &quality, None)?;
        let text_model = ctx.settings.claude_model.clone().unwrap_or_else(|| template.in_use.model.clone());
        Ok(Self {
            text_prices: ctx.catalog.text(&text_model).cloned(),
            style_prefix: image.style_prefix.trim().to_owned(),
            model,
            size,
            quality,
            template,
            text_model,
        })
    }
}

/// The three hashes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hashes {
    pub(crate) chapter: Sha256Hash,
    pub(crate) settings: Sha256Hash,
    pub(crate) request: Sha256Hash,
}

/// A chapter, and what its picture depends on today.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChapterRequest {
    pub(crate) chapter: Chapter,
    pub(crate) snapshot: PictureSnapshot,
    pub(crate) hashes: Hashes,
}

impl ChapterRequest {
    pub(crate) fn of(chapter: Chapter, settings: &RequestSettings) -> Arc<Self> {
        let snapshot = snapshot_of(&chapter, settings);
        let hashes = Hashes {
            chapter: snapshot.chapter_hash(),
            settings: snapshot.settings_hash(),
            request: snapshot.request_hash(),
        };
        Arc::new(Self { chapter, snapshot, hashes })
    }

    /// Tells whether the chapter's type gets a picture here.
    pub(crate) fn is_generable(&self) -> bool {
        self.chapter.visual.visual_type.is_generable()
    }

    /// Returns who writes the prompt.
    pub(crate) fn prompt_source(&self) -> PromptSource {
        match self.snapshot.chapter {
            ChapterSnapshot::Chapter { .. } => PromptSource::Chapter,
            ChapterSnapshot::Template { .. } => PromptSource::Template,
        }
    }
}

fn snapshot_of(chapter: &Chapter, settings: &RequestSettings) -> PictureSnapshot {
    let own = chapter.visual.own_prompt();
    let template = own.is_none().then(|| TemplateSnapshot {
        template_hash: settings.template.in_use.content_hash,
        text_model: settings.text_model.clone(),
    });
    let chapter = match own {
        Some(prompt) => ChapterSnapshot::Chapter { prompt: prompt.to_owned() },
        None => ChapterSnapshot::Template {
            visual_type: chapter.visual.visual_type,
            visual_description: chapter.visual.description.clone(),
            chapter_title: chapter.title.clone(),
            narration_context: chapter.narration.text.chars().take(NARRATION_CONTEXT).collect(),
        },
    };
    PictureSnapshot {
        chapter,
        settings: SettingsSnapshot {
            style_prefix: settings.style_prefix.clone(),
            model: settings.model.id.clone(),
            size: settings.size.clone(),
            quality: settings.quality.clone(),
            style: None,
            template,
        },
    }
}
