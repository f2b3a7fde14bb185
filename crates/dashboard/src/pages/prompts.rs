//! Prompt templates: which versions there are, which is in use, and for which episodes.

use std::collections::{BTreeSet, HashMap};

use actix_web::{HttpRequest, HttpResponse, web};
use btcedu_domain::{EpisodeId, Sha256Hash};
use btcedu_models::{
    Conn, DbError,
    content_artifacts::{PromptUse, list_prompt_uses},
    prompt_versions::{self, PromptVersion},
};

use super::{Format, Loaded, SharedPage};
use crate::{
    error::WebError,
    state::AppState,
    templates::PageName,
    views::prompts::{PromptRowView, PromptUseView, PromptVersionView, PromptsView},
};

/// Episodes shown for one version, at most.
const MOST_EPISODES: i64 = 20;

/// Shows all templates.
pub(crate) async fn page(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, WebError> {
    answer(&state, &request, Format::Html).await
}

/// Answers with all templates as JSON.
#[utoipa::path(
    get, path = "/api/v1/prompts", operation_id = "list_prompts",
    responses((status = 200, description = "The prompt templates", body = PromptsView)),
)]
pub(crate) async fn api(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, WebError> {
    answer(&state, &request, Format::Json).await
}

async fn answer(state: &AppState, request: &HttpRequest, format: Format) -> Result<HttpResponse, WebError> {
    let page = SharedPage { name: PageName::Prompts, episode: None, format, is_kept: true };
    page.answer_from(state, request, |reader| Loaded::new(reader, "Prompts", reader.rows(load)?)).await
}

fn load(conn: &mut Conn) -> Result<PromptsView, DbError> {
    let uses = Uses::load(conn)?;
    let mut by_name: Vec<(String, Vec<PromptVersion>)> = Vec::new();
    for version in prompt_versions::list_all(conn)? {
        match by_name.last_mut() {
            Some((name, versions)) if *name == version.name => versions.push(version),
            _ => by_name.push((version.name.clone(), vec![version])),
        }
    }
    let prompts = by_name.into_iter().map(|(name, versions)| PromptRowView {
        name,
        versions: versions.len(),
        episodes: uses.count(&versions),
        default: versions.into_iter().find(|version| version.is_default).map(|version| uses.view(version)),
    });
    Ok(PromptsView { prompts: prompts.collect() })
}

/// Which episodes have something made with which prompt.
pub(super) struct Uses(HashMap<Sha256Hash, Vec<PromptUse>>);

impl Uses {
    pub(super) fn load(conn: &mut Conn) -> Result<Self, DbError> {
        let mut uses: HashMap<Sha256Hash, Vec<PromptUse>> = HashMap::new();
        for one in list_prompt_uses(conn, MOST_EPISODES)? {
            uses.entry(one.prompt_hash).or_default().push(one);
        }
        Ok(Self(uses))
    }

    fn of(&self, hash: Sha256Hash) -> &[PromptUse] {
        self.0.get(&hash).map(Vec::as_slice).unwrap_or_default()
    }

    /// Counts the episodes of several versions; those that are listed count once.
    fn count(&self, versions: &[PromptVersion]) -> usize {
        let listed: BTreeSet<&EpisodeId> = versions
            .iter()
            .flat_map(|version| self.of(version.content_hash))
            .map(|one| &one.episode_id)
            .collect();
        let largest = versions.iter().map(|version| self.total(version.content_hash)).max().unwrap_or(0);
        listed.len().max(largest)
    }

    fn total(&self, hash: Sha256Hash) -> usize {
        self.of(hash).first().and_then(|one| usize::try_from(one.episodes).ok()).unwrap_or(0)
    }

    pub(super) fn view(&self, version: PromptVersion) -> PromptVersionView {
        let uses = self.of(version.content_hash).iter();
        PromptVersionView {
            episodes_total: self.total(version.content_hash),
            episodes: uses
                .map(|one| PromptUseView { episode_id: one.episode_id.clone(), title: one.title.clone() })
                .collect(),
            version: version.version,
            is_default: version.is_default,
            in_file: version.template_path.is_some(),
            content_hash: version.content_hash,
            model: version.model,
            temperature: version.temperature,
            max_tokens: version.max_tokens,
            created_at: version.created_at,
            notes: version.notes,
        }
    }
}
