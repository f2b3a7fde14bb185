//! Where money enters: no paid call without a row in the ledger that fits under the cap.

use std::sync::atomic::{AtomicUsize, Ordering};

use btcedu_domain::{
    CallId, CallKind, CallState, ChapterId, EpisodeRowId, RunId, Sha256Hash, Stage, Usd, UtcTime,
};
use btcedu_models::{
    Conn, DbError, pipeline_runs,
    provider_calls::{self, NewCall, Settlement},
};
use tokio::sync::watch;

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

/// The right to make one HTTP attempt: its row stands in the ledger as `sent`.
///
/// Only [`Account::reserve`] makes one, and it can't be copied: it ends in [`Account::settle`], or is dropped.
/// Then its row stays `sent`, which counts as `unknown` from the next run on, so that nothing is understated.
#[derive(Debug)]
pub(crate) struct PaidCall<'d> {
    id: CallId,
    estimate: Usd,
    sent_at: UtcTime,
    _open: OpenCall<'d>,
}

impl<'d> PaidCall<'d> {
    pub(crate) fn id(&self) -> CallId {
        self.id
    }
    pub(crate) fn estimate(&self) -> Usd {
        self.estimate
    }
    pub(crate) fn sent_at(&self) -> UtcTime {
        self.sent_at
    }

    /// Says how the call ended.
    pub(crate) fn ended(self, end: CallSettlement) -> EndedCall<'d> {
        EndedCall { call: self, end }
    }
}

/// A call that has ended and is to be settled.
#[derive(Debug)]
pub(crate) struct EndedCall<'d> {
    call: PaidCall<'d>,
    end: CallSettlement,
}

/// The calls of a run that are being reserved, or are reserved and not settled.
#[derive(Debug)]
pub(crate) struct OpenCalls {
    open: AtomicUsize,
    /// How many reserved calls have ended.
    ended: watch::Sender<u64>,
}

impl Default for OpenCalls {
    fn default() -> Self {
        Self { open: AtomicUsize::new(0), ended: watch::Sender::new(0) }
    }
}

impl OpenCalls {
    /// Counts a call from before its row is written: the row counts against others as soon as it is there.
    fn begin(&self) -> OpenCall<'_> {
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenCall(self)
    }

    /// Returns a watch over how many calls have ended so far.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.ended.subscribe()
    }
}

/// One open call; it counts itself down when it is dropped.
#[derive(Debug)]
struct OpenCall<'d>(&'d OpenCalls);

impl OpenCall<'_> {
    /// Gives up a call that was not reserved, and returns how many others are open at that moment.
    ///
    /// It doesn't count as an end: those that wait for one would wake each other for nothing.
    fn give_up(self) -> usize {
        let others = self.0.open.fetch_sub(1, Ordering::Relaxed).saturating_sub(1);
        std::mem::forget(self);
        others
    }
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.ended.send_modify(|ended| *ended += 1);
    }
}

/// The answer to a reservation.
#[derive(Debug)]
pub(crate) enum Reservation<'d> {
    Reserved(PaidCall<'d>),
    OverCap {
        cost: Usd,
        /// Other calls that are open: what they turn out to cost may leave room.
        others: usize,
    },
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
    pub(crate) async fn reserve<'d>(
        self,
        ctx: &StageContext,
        open: &'d OpenCalls,
        job: &PaidJob,
    ) -> Result<Reservation<'d>, DbError> {
        let (job, now) = (job.clone(), ctx.clock.now());
        let (id, estimate) = (CallId::new(), job.estimate);
        let counted = open.begin();
        let reserved = ctx.db.transaction(move |conn| {
            let cost = provider_calls::episode_cost(conn, self.episode)?;
            if cost + job.estimate > self.cap {
                return Ok(Some(cost));
            }
            let row = NewCall {
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
            };
            provider_calls::insert(conn, &row).map(|()| None)
        });
        match reserved.await {
            Ok(None) => Ok(Reservation::Reserved(PaidCall { id, estimate, sent_at: now, _open: counted })),
            Ok(Some(cost)) => Ok(Reservation::OverCap { cost, others: counted.give_up() }),
            Err(error) => {
                counted.give_up();
                Err(error)
            }
        }
    }

    /// Settles calls, together with what else belongs to their end, in one transaction.
    ///
    /// Where it fails all rows stay `sent`.
    pub(crate) async fn settle(
        self,
        ctx: &StageContext,
        calls: Vec<EndedCall<'_>>,
        beside: impl FnOnce(&mut Conn) -> Result<(), DbError> + Send + 'static,
    ) -> Result<(), DbError> {
        let now = ctx.clock.now();
        let (open, ends): (Vec<PaidCall<'_>>, Vec<CallSettlement>) =
            calls.into_iter().map(|ended| (ended.call, ended.end)).unzip();
        let rows: Vec<(CallId, CallSettlement)> = open.iter().map(PaidCall::id).zip(ends).collect();
        let settled = ctx.db.transaction(move |conn| {
            rows.iter().try_for_each(|(call, end)| provider_calls::set_settled(conn, *call, &end.at(now)))?;
            beside(conn)?;
            pipeline_runs::set_totals_from_ledger(conn, self.run)
        });
        let settled = settled.await;
        // Only now: whether settled or not, nothing more is to be learnt of their price.
        drop(open);
        settled
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
