//! What was spent, from the ledger.

use btcedu_domain::Usd;
use serde::Serialize;
use utoipa::ToSchema;

/// What was spent.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct CostsView {
    /// In all, in US dollars.
    #[schema(value_type = f64)]
    pub(crate) total_usd: Usd,
    /// Of that, calls that may have been billed without an answer, at their estimates.
    #[schema(value_type = f64)]
    pub(crate) unknown_usd: Usd,
    /// Calls in all.
    pub(crate) calls: i64,
    /// By month (`2026-11`), oldest first.
    pub(crate) by_month: Vec<CostRowView>,
    /// By stage, in the pipeline's order.
    pub(crate) by_stage: Vec<CostRowView>,
    /// By model, dearest first.
    pub(crate) by_model: Vec<CostRowView>,
    /// By episode, dearest first; 50 at most.
    pub(crate) by_episode: Vec<CostRowView>,
    /// How many episodes have cost something.
    pub(crate) episodes_total: usize,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct CostRowView {
    /// The month, stage, model or episode id.
    pub(crate) key: String,
    /// What to show for it: the episode's title, else as the key.
    pub(crate) label: String,
    /// Calls in all.
    pub(crate) calls: i64,
    /// Of those, answered.
    pub(crate) answered: i64,
    /// Refused by the provider.
    pub(crate) refused: i64,
    /// Failed.
    pub(crate) failed: i64,
    /// Not known to have been billed.
    pub(crate) unknown: i64,
    /// What they cost, in US dollars.
    #[schema(value_type = f64)]
    pub(crate) cost_usd: Usd,
    /// Of that, at estimates.
    #[schema(value_type = f64)]
    pub(crate) unknown_cost_usd: Usd,
    /// Its part of the dearest line, in percent: the bar's width.
    pub(crate) percent: f64,
}
