//! What was spent, from the ledger.

use std::{cmp::Reverse, collections::HashMap};

use actix_web::{HttpRequest, HttpResponse, web};
use btcedu_domain::Stage;
use btcedu_models::{
    Conn, DbError, episodes,
    provider_calls::{CostGrouping, CostRow, list_costs},
};

use super::{Format, Loaded, SharedPage};
use crate::{
    error::WebError,
    state::AppState,
    templates::PageName,
    views::costs::{CostRowView, CostsView},
};

/// Episodes in the table, at most.
const MOST_EPISODES: usize = 50;

/// Shows what was spent.
pub(crate) async fn page(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, WebError> {
    answer(&state, &request, Format::Html).await
}

/// Answers with what was spent as JSON.
#[utoipa::path(
    get, path = "/api/v1/costs", operation_id = "costs",
    responses((status = 200, description = "What was spent", body = CostsView)),
)]
pub(crate) async fn api(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, WebError> {
    answer(&state, &request, Format::Json).await
}

async fn answer(state: &AppState, request: &HttpRequest, format: Format) -> Result<HttpResponse, WebError> {
    let page = SharedPage { name: PageName::Costs, episode: None, format, is_kept: true };
    page.answer_from(state, request, |reader| Loaded::new(reader, "Costs", reader.rows(load)?)).await
}

fn load(conn: &mut Conn) -> Result<CostsView, DbError> {
    let mut by = |grouping| list_costs(conn, grouping, None);
    let by_month = by(CostGrouping::Month)?;
    let (mut by_stage, mut by_model) = (by(CostGrouping::Stage)?, by(CostGrouping::Model)?);
    let mut by_episode = by(CostGrouping::Episode)?;
    let position = |row: &CostRow| Stage::ALL.iter().position(|stage| stage.as_str() == row.key);
    by_stage.sort_by_key(position);
    by_model.sort_by_key(|row| Reverse(row.cost));
    by_episode.sort_by_key(|row| Reverse(row.cost));
    let episodes_total = by_episode.len();
    by_episode.truncate(MOST_EPISODES);
    let ids: Vec<&str> = by_episode.iter().map(|row| row.key.as_str()).collect();
    let titles: HashMap<String, String> = episodes::list_titles(conn, &ids)?.into_iter().collect();
    let title = |row: &CostRow| titles.get(&row.key).cloned().unwrap_or_else(|| row.key.clone());
    let key = |row: &CostRow| row.key.clone();
    Ok(CostsView {
        total_usd: by_stage.iter().map(|row| row.cost).sum(),
        unknown_usd: by_stage.iter().map(|row| row.unknown_cost).sum(),
        calls: by_stage.iter().map(|row| row.calls).sum(),
        by_month: lines(&by_month, key),
        by_stage: lines(&by_stage, key),
        by_model: lines(&by_model, key),
        by_episode: lines(&by_episode, title),
        episodes_total,
    })
}

fn lines(rows: &[CostRow], label: impl Fn(&CostRow) -> String) -> Vec<CostRowView> {
    let most = rows.iter().map(|row| row.cost.dollars()).fold(0.0, f64::max);
    let percent = |row: &CostRow| if most > 0.0 { row.cost.dollars() / most * 100.0 } else { 0.0 };
    rows.iter()
        .map(|row| CostRowView {
            key: row.key.clone(),
            label: label(row),
            calls: row.calls,
            answered: row.answered,
            refused: row.refused,
            failed: row.failed,
            unknown: row.unknown,
            cost_usd: row.cost,
            unknown_cost_usd: row.unknown_cost,
            // Thousandths are less than a pixel.
            percent: (percent(row) * 1000.0).round() / 1000.0,
        })
        .collect()
}
