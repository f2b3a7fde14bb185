//! Where money enters: no paid call without a row in the ledger that fits under the cap.

use btcedu_domain::{
    CallId, CallKind, CallState, ChapterId, EpisodeRowId, RunId, Sha256Hash, Stage, Usd, UtcTime,
};
use btcedu_models::{
    DbError, pipeline_runs,
    provider_calls::{self, NewCall, Settlement},
};

use crate::StageContext;

/// A call that shall be made.
#[derive(Debug, Clone)]
pub(crate) struct PaidJob {
    pub(crate) stage: Stage,
    pub(crate) chapter: Option<ChapterId>,
    pub(crate) kind: CallKind,
    pub(crate) model: String,
    pub(crate) request_hash: Sha256Hash,
    pub(crate) estimate: Usd,
}

/// The right to make one HTTP attempt: its row stands in the ledger as `sent`. Only [`Account::reserve`] makes one.
#[derive(Debug, Clone)]
pub(crate) struct PaidCall {
    id: CallId,
    estimate: Usd,
    sent_at: UtcTime,
}

impl PaidCall {
    pub(crate) fn id(&self) -> CallId {
        self.id
    }
    pub(crate) fn estimate(&self) -> Usd {
        self.estimate
    }
    pub(crate) fn sent_at(&self) -> UtcTime {
        self.sent_at
    }
}

/// The answer to a reservation.
#[derive(Debug)]
pub(crate) enum Reservation {
    Reserved(PaidCall),
    OverCap { cost: Usd },
}

/// Whose money is spent, and how much of it there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub(crate) episode: EpisodeRowId,
    pub(crate) run: RunId,
    pub(crate) cap: Usd,
}

impl Account {
    /// Inserts the row as `sent` if its estimate still fits under the cap; both in one transaction.
    pub(crate) async fn reserve(self, ctx: &StageContext, job: &PaidJob) -> Result<Reservation, DbError> {
        let (job, now) = (job.clone(), ctx.clock.now());
        ctx.db
            .transaction(move |conn| {
                let cost = provider_calls::episode_cost(conn, self.episode)?;
                if cost + job.estimate > self.cap {
                    return Ok(Reservation::OverCap { cost });
                }
                let id = CallId::new();
                provider_calls::insert(
                    conn,
                    &NewCall {
                        call_id: id,
                        episode_id: self.episode,
                        run_id: Some(self.run),
                        stage: job.stage,
                        chapter_id: job.chapter.as_ref(),
                        kind: job.kind,
                        model: &job.model,
                        request_hash: job.request_hash,
                        estimated: job.estimate,
                        sent_at: now,
                    },
                )?;
                Ok(Reservation::Reserved(PaidCall { id, estimate: job.estimate, sent_at: now }))
            })
            .await
    }

    /// Settles a row that brought nothing to keep beside it.
    pub(crate) async fn settle(
        self,
        ctx: &StageContext,
        call: CallId,
        end: CallSettlement,
    ) -> Result<(), DbError> {
        let now = ctx.clock.now();
        ctx.db
            .transaction(move |conn| {
                provider_calls::set_settled(conn, call, &end.at(now))?;
                pipeline_runs::set_totals_from_ledger(conn, self.run)
            })
            .await
    }
}

/// How a call ended, as the ledger keeps it.
#[derive(Debug, Clone)]
pub(crate) struct CallSettlement {
    pub(crate) state: CallState,
    pub(crate) actual: Option<Usd>,
    pub(crate) tokens_in: Option<i64>,
    pub(crate) tokens_out: Option<i64>,
    pub(crate) reply: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) error: Option<String>,
}

impl CallSettlement {
    pub(crate) fn new(state: CallState) -> Self {
        Self {
            state,
            actual: None,
            tokens_in: None,
            tokens_out: None,
            reply: None,
            request_id: None,
            error: None,
        }
    }

    pub(crate) fn at(&self, settled_at: UtcTime) -> Settlement<'_> {
        Settlement {
            state: self.state,
            actual: self.actual,
            tokens_in: self.tokens_in,
            tokens_out: self.tokens_out,
            reply: self.reply.as_deref(),
            request_id: self.request_id.as_deref(),
            error: self.error.as_deref(),
            settled_at,
        }
    }
}
