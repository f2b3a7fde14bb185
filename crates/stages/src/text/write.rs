//! The part of a text stage that spends: one call per segment, several at once, answers in order.

use std::time::Duration;

use btcedu_clients::{TextReply, TextRequest};
use btcedu_domain::{RunId, Usd};
use futures_util::stream::{self, StreamExt};

use crate::{
    StageContext, StageEvent,
    ledger::Account,
    retry::{CallDesk, Places},
    stop::{Stop, StopReason},
    text::{
        decide::{PlannedCall, request_of, second_try},
        gather::Gathered,
        stage::Job,
    },
    text_call::{PaidText, TextEnd, buy_text, check_whole},
};

/// Calls in flight at most.
const PLACES: usize = 4;

/// What came of the calls.
#[derive(Debug)]
pub(crate) enum Written {
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

struct Desk<'a> {
    calls: CallDesk<'a>,
    places: Places,
    gathered: &'a Gathered,
    total: usize,
}

/// Makes the calls that aren't paid yet. A segment that fails stops the others: they would be of no use.
///
/// The first goes alone, since what all have in common can be read from the provider's cache only after
/// one answer has begun; the others go several at once.
pub(crate) async fn write(
    ctx: &StageContext,
    gathered: &Gathered,
    run: RunId,
    mut calls: Vec<PlannedCall>,
) -> Written {
    let stop = Stop::new(ctx.interrupt.clone());
    let account = Account { episode: gathered.episode.id, run, cap: gathered.cap };
    let desk = Desk {
        calls: CallDesk::new(ctx, account, &stop),
        places: Places::new(PLACES, None),
        gathered,
        total: calls.len(),
    };
    let first = calls.iter().position(|call| call.paid.is_none()).map_or(0, |at| at + 1);
    let others = calls.split_off(first);
    let mut ends = Vec::new();
    for (number, call) in (1..).zip(calls) {
        ends.push(desk.piece(number, call).await);
    }
    let others = stream::iter((first + 1..).zip(others)).map(|(number, call)| desk.piece(number, call));
    ends.extend(others.buffered(PLACES).collect::<Vec<Piece>>().await);
    let (mut pieces, mut paid) = (Vec::new(), Vec::new());
    let mut stopped = false;
    for end in ends {
        match end {
            Piece::Read { text, paid: bought } => {
                pieces.push(text);
                paid.push(bought);
            }
            Piece::Failed { message, last_reply } => return Written::Failed { message, last_reply },
            Piece::Stopped => stopped = true,
        }
    }
    match stop.reason().filter(|_| stopped) {
        Some(reason) => Written::Stopped(reason),
        None => Written::All { pieces, paid },
    }
}

impl Desk<'_> {
    async fn piece(&self, number: usize, call: PlannedCall) -> Piece {
        let PlannedCall { job, request, estimate, paid, is_second } = call;
        let craft = self.gathered.stage.craft();
        if let Some(paid) = paid {
            return match craft.read(&job, &paid.text) {
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
        let second = if is_second { None } else { second_try(craft, &job, &reply, &problem) };
        let Some(second) = second else { return self.failed(number, &problem, Some(reply)) };
        let request = match request_of(self.gathered, &second) {
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
        let (kind, total) = (self.gathered.stage, self.total);
        let (stage, observer) = (kind.stage(), &self.calls.ctx.observer);
        observer.hear(&StageEvent::SegmentStarted { stage, number, total });
        let judge = |reply: &TextReply| {
            check_whole(reply, kind.template())?;
            kind.craft().read(job, &reply.text)
        };
        let retrying = |attempt: u32, wait: Duration, reason: &str| {
            let reason = reason.to_owned();
            observer.hear(&StageEvent::SegmentRetrying { stage, number, attempt, wait, reason });
        };
        let price = (request, estimate);
        let end = buy_text(&self.calls, &self.places, (stage, None), price, judge, retrying).await;
        if let TextEnd::Bought(paid) = &end {
            observer.hear(&StageEvent::SegmentDone { stage, number, total, cost: paid.cost });
        }
        end
    }

    fn failed(&self, number: usize, problem: &str, last_reply: Option<String>) -> Piece {
        let message = format!("segment {number} of {}: {problem}", self.total);
        self.calls.stop.request(StopReason::Fatal(message.clone()));
        Piece::Failed { message, last_reply }
    }
}
