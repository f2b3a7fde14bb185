//! The one retry loop, for every paid call of every stage.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use btcedu_domain::{Billing, CallState, FailureClass, ProviderFailure, Usd, UtcTime};
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use crate::{
    ResendUnknown, StageContext,
    ledger::{Account, CallSettlement, PaidCall, PaidJob, Reservation},
    stop::{Stop, StopReason},
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

    pub(crate) fn of(error: &impl ProviderFailure) -> Self {
        Self {
            class: error.class(),
            billing: error.billing(),
            retry_after: error.retry_after(),
            is_rate_limit: error.is_rate_limit(),
            request_id: error.request_id().map(ToOwned::to_owned),
            message: with_causes(error),
        }
    }
}

/// Writes an error with its causes on one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

/// A failed attempt, with its place where it still has one: what stops or pauses the run
/// does so before another call takes the place.
pub(crate) struct Missed<'a> {
    pub(crate) failure: CallFailure,
    pub(crate) place: Option<SemaphorePermit<'a>>,
}

/// How a paid job ended.
#[derive(Debug)]
pub(crate) enum CallEnd<T> {
    /// An answer came; its ledger row is still `sent`, for whoever records the answer to settle.
    Answered { value: T, call: PaidCall, attempts: u32 },
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
pub(crate) struct Place<'a> {
    pub(crate) in_flight: SemaphorePermit<'a>,
    pub(crate) in_hand: SemaphorePermit<'a>,
}

/// At most so many starts in any minute.
#[derive(Debug)]
struct Pace {
    per_minute: usize,
    starts: Mutex<VecDeque<UtcTime>>,
}

impl Pace {
    fn new(per_minute: u32) -> Self {
        Self { per_minute: per_minute.max(1) as usize, starts: Mutex::default() }
    }

    /// Takes a start now, or says how long to wait before asking again.
    fn take(&self, now: UtcTime) -> Option<Duration> {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        // A start in the future is one before the clock was set back.
        while starts.front().is_some_and(|start| *start > now || now.since(*start) >= MINUTE) {
            starts.pop_front();
        }
        if starts.len() < self.per_minute {
            starts.push_back(now);
            return None;
        }
        starts.front().map(|oldest| MINUTE.saturating_sub(now.since(*oldest)))
    }
}

/// Makes paid calls for one run: reserves, sends, waits, tries again, stops.
pub(crate) struct CallDesk<'a> {
    pub(crate) ctx: &'a StageContext,
    pub(crate) account: Account,
    pub(crate) stop: &'a Stop,
    /// Until when nothing is sent because a provider asked to slow down.
    paused_until: Mutex<Option<UtcTime>>,
    /// Calls that are being reserved, or are and aren't settled.
    open: AtomicUsize,
    /// How many have been settled.
    ended: watch::Sender<u64>,
}

impl<'a> CallDesk<'a> {
    pub(crate) fn new(ctx: &'a StageContext, account: Account, stop: &'a Stop) -> Self {
        Self {
            ctx,
            account,
            stop,
            paused_until: Mutex::new(None),
            open: AtomicUsize::new(0),
            ended: watch::Sender::new(0),
        }
    }

    /// Makes a call, with up to three more attempts where that may help.
    ///
    /// `send` makes one attempt; it drops the place in flight when the last byte has arrived.
    /// `retrying` is told of each attempt that is followed by another.
    pub(crate) async fn call<'p, T, Sent>(
        &self,
        job: &PaidJob,
        places: &'p Places,
        send: impl Fn(PaidCall, u32, Place<'p>) -> Sent,
        retrying: impl Fn(u32, Duration, &str),
    ) -> CallEnd<T>
    where
        Sent: Future<Output = Result<T, Missed<'p>>>,
    {
        let mut attempts = 0;
        loop {
            let Some(place) = self.turn(places).await else { return CallEnd::Stopped };
            let ended = *self.ended.borrow();
            // Counted before it is reserved: its row counts against others as soon as it is written.
            self.open.fetch_add(1, Ordering::Relaxed);
            let reserved = self.account.reserve(self.ctx, job).await;
            let others = match reserved {
                Ok(Reservation::Reserved(_)) => 0,
                _ => self.open.fetch_sub(1, Ordering::Relaxed).saturating_sub(1),
            };
            let call = match reserved {
                Ok(Reservation::Reserved(call)) => call,
                Ok(Reservation::OverCap { .. }) if others > 0 => {
                    // Estimates are more than calls turn out to cost: it may fit once one is settled.
                    drop(place);
                    self.next_end(ended).await;
                    continue;
                }
                Ok(Reservation::OverCap { cost }) => {
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
                self.settle_failure(&call, &CallFailure::not_sent()).await;
                return CallEnd::Stopped;
            }
            attempts += 1;
            let (failure, next) = match send(call.clone(), attempts, place).await {
                Ok(value) => return CallEnd::Answered { value, call, attempts },
                Err(Missed { failure, place }) => {
                    let next = self.wait_after(&failure, attempts);
                    drop(place);
                    (failure, next)
                }
            };
            self.settle_failure(&call, &failure).await;
            match next {
                Next::Wait(wait) => {
                    retrying(attempts, wait, &failure.message);
                    if self.stop.unless_stopped(self.ctx.clock.sleep(wait)).await.is_none() {
                        return CallEnd::Stopped;
                    }
                }
                Next::GiveUp(message) => return CallEnd::Failed { message, attempts },
            }
        }
    }

    /// Tells that a call that was reserved is settled, or can't be.
    pub(crate) fn call_ended(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.ended.send_modify(|ended| *ended += 1);
    }

    /// Waits until more calls than so many have ended, or the run stops.
    async fn next_end(&self, before: u64) {
        let mut ended = self.ended.subscribe();
        let _ended = self.stop.unless_stopped(ended.wait_for(|now| *now > before)).await;
    }

    /// Waits for a place, for the end of a pause and for the pace; nothing if the run stops meanwhile.
    async fn turn<'p>(&self, places: &'p Places) -> Option<Place<'p>> {
        let in_hand = self.stop.unless_stopped(places.in_hand.acquire()).await?.ok()?;
        let in_flight = self.stop.unless_stopped(places.in_flight.acquire()).await?.ok()?;
        loop {
            let now = self.ctx.clock.now();
            let pause = *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
            let wait = match pause {
                Some(until) if is_ahead(until, now) => Some(until.since(now)),
                _ => places.pace.as_ref().and_then(|pace| pace.take(now)),
            };
            match wait {
                None => return Some(Place { in_flight, in_hand }),
                Some(wait) => self.stop.unless_stopped(self.ctx.clock.sleep(wait)).await?,
            }
        }
    }

    async fn settle_failure(&self, call: &PaidCall, failure: &CallFailure) {
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
        if let Err(error) = self.account.settle(self.ctx, call.id(), end).await {
            // The row stays `sent`, which counts as `unknown` from the next run on: nothing is understated.
            self.stop.request(StopReason::Fatal(with_causes(&error)));
        }
        self.call_ended();
    }

    fn wait_after(&self, failure: &CallFailure, attempts: u32) -> Next {
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
mod tests {
    use super::*;

    fn at(time: &str) -> UtcTime {
        format!("2026-11-22T{time}Z").parse().unwrap()
    }

    #[test]
    fn a_clock_that_is_set_back_stalls_nothing() {
        let pace = Pace::new(2);
        assert_eq!(pace.take(at("10:30:00")), None);
        assert_eq!(pace.take(at("10:30:20")), None);
        assert_eq!(pace.take(at("10:30:30")), Some(Duration::from_secs(30)));
        assert_eq!(pace.take(at("09:30:00")), None, "an hour earlier, nothing has started yet");

        assert!(is_ahead(at("10:31:00"), at("10:30:00")));
        assert!(!is_ahead(at("10:31:00"), at("10:31:00")));
        assert!(!is_ahead(at("10:31:00"), at("09:31:00")));
    }
}
