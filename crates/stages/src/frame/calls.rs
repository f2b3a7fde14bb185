//! The one retry loop, for every paid call of every stage.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use btcedu_clients::{ApiFailure, FailureKind};
use btcedu_domain::{Billing, CallState, FailureClass, Usd, UtcTime, with_causes};
use btcedu_models::{Conn, DbError};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    ResendUnknown, StageContext,
    frame::{
        paid_call::{Account, CallSettlement, EndedCall, OpenCalls, PaidCall, PaidJob, Reservation},
        stop::{Stop, StopReason},
    },
};

/// Attempts after the first.
const RETRIES: u32 = 3;
/// The longest wait that a provider may ask for.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
const MINUTE: Duration = Duration::from_mins(1);

/// What a failed attempt means; made from any provider's error.
#[derive(Debug, Clone)]
pub(crate) struct CallFailure {
    pub(crate) class: FailureClass,
    pub(crate) billing: Billing,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) is_rate_limit: bool,
    pub(crate) request_id: Option<String>,
    pub(crate) message: String,
}

impl CallFailure {
    /// A call that was reserved and never made, since the run stops.
    fn not_sent() -> Self {
        Self {
            class: FailureClass::Fatal,
            billing: Billing::NotSent,
            retry_after: None,
            is_rate_limit: false,
            request_id: None,
            message: "not sent, since the run was stopped".to_owned(),
        }
    }

    pub(crate) fn of(failure: &ApiFailure) -> Self {
        Self {
            class: failure.kind.class(),
            billing: failure.billing,
            retry_after: failure.retry_after,
            is_rate_limit: failure.kind == FailureKind::RateLimited,
            request_id: failure.request_id.clone(),
            message: with_causes(failure),
        }
    }
}

/// A failed attempt, with its place where it still has one: what stops or pauses the run
/// does so before another call takes the place.
pub(crate) struct FailedAttempt<'p> {
    pub(crate) failure: CallFailure,
    pub(crate) in_flight: Option<SemaphorePermit<'p>>,
}

/// How a paid job ended.
#[derive(Debug)]
pub(crate) enum CallEnd<'d, T> {
    /// An answer came; its ledger row is still `sent`: who records the answer settles it.
    Answered { value: T, call: PaidCall<'d>, attempts: u32 },
    /// No attempt brought an answer.
    Failed { message: String, attempts: u32 },
    /// The run stops; nothing was sent, or nothing more.
    Stopped,
}

/// Where calls of one kind wait for their turn.
#[derive(Debug)]
pub(crate) struct Places {
    in_flight: Semaphore,
    /// Answers held in memory until they are recorded: bounds memory where the disk is slower than the network.
    in_hand: Semaphore,
    pace: Option<Pace>,
}

impl Places {
    pub(crate) fn new(in_flight: usize, per_minute: Option<u32>) -> Self {
        let in_flight = in_flight.max(1);
        Self {
            in_flight: Semaphore::new(in_flight),
            in_hand: Semaphore::new(in_flight * 2),
            pace: per_minute.map(Pace::new),
        }
    }
}

/// A place in flight, free again when dropped, and one in hand, free again when the answer is recorded.
#[derive(Debug)]
pub(crate) struct Place<'p> {
    pub(crate) in_flight: SemaphorePermit<'p>,
    pub(crate) in_hand: SemaphorePermit<'p>,
}

/// At most so many starts in any minute.
#[derive(Debug)]
struct Pace {
    per_minute: usize,
    starts: Mutex<VecDeque<UtcTime>>,
}

/// A start that was taken; without [`Start::spend`] it is given back when it is dropped.
#[derive(Debug)]
struct Start<'p> {
    pace: &'p Pace,
    at: UtcTime,
}

impl Start<'_> {
    /// Keeps the start: a call is sent.
    fn spend(self) {
        std::mem::forget(self);
    }
}

impl Drop for Start<'_> {
    fn drop(&mut self) {
        let mut starts = self.pace.starts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = starts.iter().rposition(|start| *start == self.at) {
            starts.remove(at);
        }
    }
}

impl Pace {
    fn new(per_minute: u32) -> Self {
        Self { per_minute: per_minute.max(1) as usize, starts: Mutex::default() }
    }

    /// Takes a start now, or says how long to wait before asking again.
    fn take(&self, now: UtcTime) -> Result<Start<'_>, Duration> {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        // A start in the future is one before the clock was set back.
        while starts.front().is_some_and(|start| *start > now || now.since(*start) >= MINUTE) {
            starts.pop_front();
        }
        match starts.front() {
            Some(oldest) if starts.len() >= self.per_minute => Err(MINUTE.saturating_sub(now.since(*oldest))),
            _ => {
                starts.push_back(now);
                Ok(Start { pace: self, at: now })
            }
        }
    }
}

/// Makes paid calls for one run: reserves, sends, waits, tries again, stops.
pub(crate) struct Caller<'a> {
    pub(crate) ctx: &'a StageContext,
    pub(crate) account: Account,
    pub(crate) stop: &'a Stop,
    /// Until when nothing is sent because a provider asked to slow down.
    paused_until: Mutex<Option<UtcTime>>,
    open: OpenCalls,
}

impl<'a> Caller<'a> {
    pub(crate) fn new(ctx: &'a StageContext, account: Account, stop: &'a Stop) -> Self {
        Self { ctx, account, stop, paused_until: Mutex::new(None), open: OpenCalls::default() }
    }

    /// Makes a call, with up to three more attempts where that may help.
    ///
    /// `send` makes one attempt; it drops the place in flight when the last byte has arrived.
    /// `on_retry` is told of each attempt that is followed by another.
    pub(crate) async fn call<'s, 'p, T, Sent>(
        &'s self,
        job: &PaidJob,
        places: &'p Places,
        send: impl Fn(u32, Place<'p>) -> Sent,
        on_retry: impl Fn(u32, Duration, &str),
    ) -> CallEnd<'s, T>
    where
        Sent: Future<Output = Result<T, FailedAttempt<'p>>>,
    {
        let mut attempts = 0;
        loop {
            let Some((place, start)) = self.turn(places).await else { return CallEnd::Stopped };
            let mut ends = self.open.watch();
            ends.mark_unchanged();
            let call = match self.account.reserve(self.ctx, &self.open, job).await {
                Ok(Reservation::Reserved(call)) => call,
                Ok(Reservation::OverCap { others, .. }) if others > 0 => {
                    // Estimates are more than calls turn out to cost: it may fit once one is settled.
                    drop((place, start));
                    let _ended = self.stop.unless_stopped(ends.changed()).await;
                    continue;
                }
                Ok(Reservation::OverCap { cost, .. }) => {
                    self.stop.request(StopReason::Cap { cost, estimate: job.estimate });
                    return CallEnd::Stopped;
                }
                Err(error) => {
                    self.stop.request(StopReason::Fatal(with_causes(&error)));
                    return CallEnd::Stopped;
                }
            };
            btcedu_artifacts::crash_point("reserved");
            // A fatal answer or a signal came while the row was written; the cap stops only what doesn't fit.
            if matches!(self.stop.reason(), Some(StopReason::Fatal(_) | StopReason::Signal(_))) {
                self.settle_failure(call, &CallFailure::not_sent()).await;
                return CallEnd::Stopped;
            }
            if let Some(start) = start {
                start.spend();
            }
            attempts += 1;
            let FailedAttempt { failure, in_flight } = match send(attempts, place).await {
                Ok(value) => return CallEnd::Answered { value, call, attempts },
                Err(failed) => failed,
            };
            let next = self.after_failure(&failure, attempts);
            drop(in_flight);
            self.settle_failure(call, &failure).await;
            match next {
                Next::Wait(wait) => {
                    on_retry(attempts, wait, &failure.message);
                    if self.stop.unless_stopped(self.ctx.clock.sleep(wait)).await.is_none() {
                        return CallEnd::Stopped;
                    }
                }
                Next::GiveUp(message) => return CallEnd::Failed { message, attempts },
            }
        }
    }

    /// Settles calls with what else belongs to their end; where that fails, the run stops.
    ///
    /// # Errors
    /// As [`Account::settle`].
    pub(crate) async fn settle(
        &self,
        calls: Vec<EndedCall<'_>>,
        beside: impl FnOnce(&mut Conn) -> Result<(), DbError> + Send + 'static,
    ) -> Result<(), DbError> {
        let settled = self.account.settle(self.ctx, calls, beside).await;
        if let Err(error) = &settled {
            // The rows stay `sent`, which counts as `unknown` from the next run on: nothing is understated.
            self.stop.request(StopReason::Fatal(with_causes(error)));
        }
        settled
    }

    /// Waits for a place, for the end of a pause and for the pace; nothing if the run stops meanwhile.
    async fn turn<'p>(&self, places: &'p Places) -> Option<(Place<'p>, Option<Start<'p>>)> {
        let in_hand = self.stop.unless_stopped(places.in_hand.acquire()).await?.ok()?;
        let in_flight = self.stop.unless_stopped(places.in_flight.acquire()).await?.ok()?;
        let place = Place { in_flight, in_hand };
        loop {
            let now = self.ctx.clock.now();
            let pause = *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
            let wait = match (pause.filter(|until| is_ahead(*until, now)), &places.pace) {
                (Some(until), _) => until.since(now),
                (None, None) => return Some((place, None)),
                (None, Some(pace)) => match pace.take(now) {
                    Ok(start) => return Some((place, Some(start))),
                    Err(wait) => wait,
                },
            };
            self.stop.unless_stopped(self.ctx.clock.sleep(wait)).await?;
        }
    }

    async fn settle_failure(&self, call: PaidCall<'_>, failure: &CallFailure) {
        let state = match failure.billing {
            Billing::NotSent | Billing::NotBilled => CallState::Failed,
            Billing::MaybeBilled => CallState::Unknown,
        };
        let end = CallSettlement {
            actual: (state == CallState::Failed).then_some(Usd::ZERO),
            request_id: failure.request_id.clone(),
            error: Some(failure.message.clone()),
            ..CallSettlement::new(state)
        };
        let _stops_the_run = self.settle(vec![call.ended(end)], |_| Ok(())).await;
    }

    fn after_failure(&self, failure: &CallFailure, attempts: u32) -> Next {
        let give_up = || Next::GiveUp(failure.message.clone());
        match failure.class {
            FailureClass::Fatal => {
                self.stop.request(StopReason::Fatal(failure.message.clone()));
                give_up()
            }
            FailureClass::BadRequest | FailureClass::BadAnswer => give_up(),
            FailureClass::Transient => {
                let ask = self.ctx.settings.resend_unknown == ResendUnknown::Ask;
                if ask && failure.billing == Billing::MaybeBilled {
                    return Next::GiveUp(format!(
                        "{}; it may have been billed, so it is not sent again (RESEND_UNKNOWN=ask)",
                        failure.message
                    ));
                }
                if let Some(asked) = failure.retry_after.filter(|asked| *asked > LONGEST_WAIT) {
                    return Next::GiveUp(format!(
                        "{}; the provider asks to wait {} seconds, so run the command again then",
                        failure.message,
                        asked.as_secs()
                    ));
                }
                if attempts > RETRIES {
                    return Next::GiveUp(format!("{} ({attempts} attempts)", failure.message));
                }
                let wait = failure.retry_after.unwrap_or_else(|| backoff(attempts));
                if failure.is_rate_limit {
                    self.pause(wait);
                }
                Next::Wait(wait)
            }
        }
    }

    /// Starts no call for so long, in the whole run.
    pub(crate) fn pause(&self, wait: Duration) {
        let now = self.ctx.clock.now();
        let Ok(until) = now.timestamp().checked_add(wait).map(UtcTime::new) else { return };
        let mut paused = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *paused = Some(paused.map_or(until, |before| before.max(until)));
    }
}

/// Tells whether a pause goes on; one that is longer than any was before the clock was set back.
fn is_ahead(until: UtcTime, now: UtcTime) -> bool {
    until > now && until.since(now) <= LONGEST_WAIT
}

enum Next {
    Wait(Duration),
    GiveUp(String),
}

/// Full jitter: anything up to 1, 2, 4 seconds, so that callers who failed together don't return together.
fn backoff(attempts: u32) -> Duration {
    Duration::from_secs(1 << attempts.saturating_sub(1).min(6)).mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests;
