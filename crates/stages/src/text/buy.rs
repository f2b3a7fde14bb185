//! The part of a text stage that spends: one call per segment, several at once, answers in order.

use std::time::Duration;

use btcedu_clients::{TextReply, TextRequest};
use btcedu_domain::{RunId, Usd};
use futures_util::stream::{self, StreamExt};

use crate::{
    StageContext, StageEvent,
    frame::{
        calls::{Caller, Places},
        paid_call::Account,
        stop::{Stop, StopReason},
        text_call::{PaidText, TextEnd, TextOrder, buy_text, check_whole},
    },
    spec::{Job, StageSpec},
    text::{
        decide::{PlannedCall, request_of, second_try},
        facts::Facts,
    },
};

/// Calls in flight at most.
const PLACES: usize = 4;

/// What came of the calls.
#[derive(Debug)]
pub(crate) enum Bought {
    /// Every segment's answer, read, in order; and all that was paid for them.
    All { pieces: Vec<String>, paid: Vec<PaidText> },
    /// Not every segment has one.
    Stopped(StopReason),
    /// A segment's answer can't be used, or didn't come; the reply, if there was one.
    Failed { message: String, last_reply: Option<String> },
}

/// One segment's end.
enum Piece {
    Read { text: String, paid: PaidText },
    Failed { message: String, last_reply: Option<String> },
    Stopped,
}

struct Segments<'a> {
    calls: Caller<'a>,
    places: Places,
    facts: &'a Facts,
    spec: &'a dyn StageSpec,
    total: usize,
}

/// Makes the calls that aren't paid yet. A segment that fails stops the others: they would be of no use.
///
/// The first goes alone, since what all have in common can be read from the provider's cache only after
/// one answer has begun; the others go several at once.
pub(crate) async fn buy(
    ctx: &StageContext,
    facts: &Facts,
    spec: &dyn StageSpec,
    run: RunId,
    mut calls: Vec<PlannedCall>,
) -> Bought {
    let stop = Stop::new(ctx.interrupt.clone());
    let account = Account { episode: facts.episode.id, run, cap: facts.budget.cap };
    let segments = Segments {
        calls: Caller::new(ctx, account, &stop),
        places: Places::new(PLACES, None),
        facts,
        spec,
        total: calls.len(),
    };
    let first = calls.iter().position(|call| call.paid.is_none()).map_or(0, |at| at + 1);
    let others = calls.split_off(first);
    let mut ends = Vec::new();
    for (number, call) in (1..).zip(calls) {
        ends.push(segments.piece(number, call).await);
    }
    let others = stream::iter((first + 1..).zip(others)).map(|(number, call)| segments.piece(number, call));
    ends.extend(others.buffered(PLACES).collect::<Vec<Piece>>().await);
    let (mut pieces, mut paid) = (Vec::new(), Vec::new());
    let mut stopped = false;
    for end in ends {
        match end {
            Piece::Read { text, paid: bought } => {
                pieces.push(text);
                paid.push(bought);
            }
            Piece::Failed { message, last_reply } => return Bought::Failed { message, last_reply },
            Piece::Stopped => stopped = true,
        }
    }
    match stop.reason().filter(|_| stopped) {
        Some(reason) => Bought::Stopped(reason),
        None => Bought::All { pieces, paid },
    }
}

impl Segments<'_> {
    async fn piece(&self, number: usize, call: PlannedCall) -> Piece {
        let PlannedCall { job, request, estimate, paid, is_second } = call;
        if let Some(paid) = paid {
            return match self.spec.read(&job, &paid.text) {
                Ok(text) => Piece::Read { text, paid },
                Err(problem) => self.failed(number, &problem, Some(paid.text)),
            };
        }
        let (problem, reply) = match self.ask(number, &job, &request, estimate).await {
            TextEnd::Bought(paid) => return Piece::Read { text: paid.text.clone(), paid },
            TextEnd::Unusable { problem, reply } => (problem, reply),
            TextEnd::Failed { message, .. } => return self.failed(number, &message, None),
            TextEnd::Stopped => return Piece::Stopped,
        };
        let second = if is_second { None } else { second_try(self.spec, &job, &reply, &problem) };
        let Some(second) = second else { return self.failed(number, &problem, Some(reply)) };
        let request = match request_of(self.facts, &second) {
            Ok(request) => request,
            Err(error) => return self.failed(number, &error.to_string(), Some(reply)),
        };
        let estimate = self.calls.ctx.texts.estimate(&request).unwrap_or(estimate);
        match self.ask(number, &second, &request, estimate).await {
            TextEnd::Bought(paid) => Piece::Read { text: paid.text.clone(), paid },
            TextEnd::Unusable { problem, reply } => self.failed(number, &problem, Some(reply)),
            TextEnd::Failed { message, .. } => self.failed(number, &message, Some(reply)),
            TextEnd::Stopped => Piece::Stopped,
        }
    }

    async fn ask(&self, number: usize, job: &Job, request: &TextRequest, estimate: Usd) -> TextEnd {
        let (stage, total) = (self.facts.stage, self.total);
        let observer = &self.calls.ctx.observer;
        observer.on_event(&StageEvent::SegmentStarted { stage, number, total });
        let judge = |reply: &TextReply| {
            check_whole(reply, self.spec.template())?;
            self.spec.read(job, &reply.text)
        };
        let on_retry = |attempt: u32, wait: Duration, reason: &str| {
            let reason = reason.to_owned();
            observer.on_event(&StageEvent::SegmentRetrying { stage, number, attempt, wait, reason });
        };
        let order = TextOrder { stage, chapter: None, request, estimate };
        let end = buy_text(&self.calls, &self.places, order, judge, on_retry).await;
        if let TextEnd::Bought(paid) = &end {
            observer.on_event(&StageEvent::SegmentDone { stage, number, total, cost: paid.cost });
        }
        end
    }

    fn failed(&self, number: usize, problem: &str, last_reply: Option<String>) -> Piece {
        let message = format!("segment {number} of {}: {problem}", self.total);
        self.calls.stop.request(StopReason::Fatal(message.clone()));
        Piece::Failed { message, last_reply }
    }
}
