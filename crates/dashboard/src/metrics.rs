//! Figures for Prometheus: what was asked of the dashboard, and how the episodes stand.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use btcedu_domain::EpisodeStatus;
use btcedu_models::{
    Conn, DbError, episodes,
    provider_calls::{self, CostGrouping, CostRow},
    review_tasks,
};
use metrics::{
    counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram, with_local_recorder,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// Collects figures without a listener of its own.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    counted: AtomicU64,
}

/// After so many answers their single times are added up, so that they take no more memory.
const UPKEEP: u64 = 1024;

impl Metrics {
    pub(crate) fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        with_local_recorder(&recorder, || {
            describe_counter!("btcedu_http_requests_total", "Requests answered, by status");
            describe_histogram!("btcedu_http_request_seconds", "How long answers took");
            describe_gauge!("btcedu_episodes", "Episodes, by status");
            describe_gauge!("btcedu_reviews_waiting", "Reviews that wait for a decision");
            describe_gauge!("btcedu_cost_dollars", "What was spent, by stage");
            describe_gauge!("btcedu_calls", "Paid calls, by stage and outcome");
        });
        Self { recorder, handle, counted: AtomicU64::new(1) }
    }

    /// Counts an answer.
    pub(crate) fn count(&self, status: u16, took: Duration) {
        with_local_recorder(&self.recorder, || {
            counter!("btcedu_http_requests_total", "status" => status.to_string()).increment(1);
            histogram!("btcedu_http_request_seconds").record(took.as_secs_f64());
        });
        if self.counted.fetch_add(1, Ordering::Relaxed).is_multiple_of(UPKEEP) {
            self.handle.run_upkeep();
        }
    }

    /// Writes all figures as text, with those of the episodes as they are now.
    pub(crate) fn render(&self, figures: &Figures) -> String {
        with_local_recorder(&self.recorder, || figures.record());
        self.handle.render()
    }
}

/// How the episodes stand.
pub(crate) struct Figures {
    episodes: Vec<StatusFigure>,
    waiting: i64,
    stages: Vec<CostRow>,
}

struct StatusFigure {
    status: EpisodeStatus,
    count: i64,
}

impl Figures {
    /// Counts.
    ///
    /// # Errors
    /// The database's.
    pub(crate) fn load(conn: &mut Conn) -> Result<Self, DbError> {
        let counts = episodes::count_by_status(conn)?;
        let count = |status| counts.iter().find(|(known, _)| *known == status).map_or(0, |(_, count)| *count);
        let of_status = |status: &EpisodeStatus| StatusFigure { status: *status, count: count(*status) };
        Ok(Self {
            // A status that no episode has any more is reported as 0, not left at its last figure.
            episodes: EpisodeStatus::ALL.iter().map(of_status).collect(),
            waiting: review_tasks::count_open(conn)?,
            stages: provider_calls::list_costs(conn, CostGrouping::Stage, None)?,
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and no count here reaches 2^52")]
    fn record(&self) {
        for StatusFigure { status, count } in &self.episodes {
            gauge!("btcedu_episodes", "status" => status.to_string()).set(*count as f64);
        }
        gauge!("btcedu_reviews_waiting").set(self.waiting as f64);
        for row in &self.stages {
            gauge!("btcedu_cost_dollars", "stage" => row.key.clone()).set(row.cost.dollars());
            let outcomes = [
                ("answered", row.answered),
                ("refused", row.refused),
                ("failed", row.failed),
                ("unknown", row.unknown),
            ];
            for (outcome, count) in outcomes {
                gauge!("btcedu_calls", "stage" => row.key.clone(), "outcome" => outcome).set(count as f64);
            }
        }
    }
}
