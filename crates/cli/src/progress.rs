//! Progress of a stage: bars on a terminal, log lines elsewhere.

use std::sync::{Mutex, PoisonError};

use btcedu_stages::{Observer, StageEvent};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Draws what a stage reports.
pub(crate) struct Progress {
    bars: MultiProgress,
    bar: Mutex<Option<ProgressBar>>,
}

/// Makes the place where bars are drawn; hidden where nobody could watch.
pub(crate) fn place_for_bars(quiet: bool) -> MultiProgress {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    MultiProgress::with_draw_target(target)
}

impl Progress {
    pub(crate) fn new(bars: MultiProgress) -> Self {
        Self { bars, bar: Mutex::new(None) }
    }

    fn with_bar(&self, change: impl FnOnce(&ProgressBar)) {
        let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = bar.as_ref() {
            change(bar);
        }
    }

    fn start(&self, what: &str, count: usize) {
        self.finish();
        let bar = self.bars.add(ProgressBar::new(count as u64)).with_prefix(what.to_owned());
        let style = ProgressStyle::with_template("{spinner} {prefix} {bar:30} {pos}/{len}  {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar);
    }

    fn shows(&self, what: &str) -> bool {
        let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        bar.as_ref().is_some_and(|bar| bar.prefix() == what)
    }

    fn finish(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn on_event(&self, event: &StageEvent) {
        match event {
            StageEvent::Mended { what } => tracing::info!("mended: {what}"),
            StageEvent::Planned { episode, pictures, estimate } => {
                tracing::info!(episode.id = %episode, pictures, estimate = %estimate, "planned");
                if *pictures > 0 {
                    self.start("pictures", *pictures);
                }
            }
            StageEvent::PromptReady { chapter, source } => {
                tracing::debug!(chapter.id = %chapter, %source, "prompt ready");
            }
            StageEvent::ImageStarted { chapter, attempt } => {
                tracing::debug!(chapter.id = %chapter, attempt, "picture asked for");
                self.with_bar(|bar| bar.set_message(format!("{chapter}: drawing")));
            }
            StageEvent::Retrying { chapter, attempt, wait, reason } => {
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(chapter.id = %chapter, attempt, wait_ms, "trying again: {reason}");
                self.with_bar(|bar| {
                    bar.set_message(format!("{chapter}: waiting {:.0} s", wait.as_secs_f64()));
                });
            }
            StageEvent::Generated { chapter, cost } => {
                tracing::info!(chapter.id = %chapter, cost = %cost, "picture made");
                self.with_bar(|bar| {
                    bar.set_message(format!("{chapter}: done, {cost}"));
                    bar.inc(1);
                });
            }
            StageEvent::Rejected { chapter, reason } => {
                tracing::warn!(chapter.id = %chapter, "prompt refused: {reason}");
                self.with_bar(|bar| bar.inc(1));
            }
            StageEvent::Failed { chapter, error } => {
                tracing::warn!(chapter.id = %chapter, "no picture: {error}");
                self.with_bar(|bar| bar.inc(1));
            }
            StageEvent::SegmentStarted { stage, number, total } => {
                tracing::debug!(%stage, number, total, "segment sent");
                // The first may be paid already, and any may be sent twice.
                let what = format!("{stage} segments");
                if !self.shows(&what) {
                    self.start(&what, *total);
                }
            }
            StageEvent::SegmentRetrying { stage, number, attempt, wait, reason } => {
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(%stage, number, attempt, wait_ms, "trying again: {reason}");
                self.with_bar(|bar| bar.set_message(format!("waiting {:.0} s", wait.as_secs_f64())));
            }
            StageEvent::SegmentDone { stage, number, total, cost } => {
                tracing::info!(%stage, number, total, cost = %cost, "segment done");
                self.with_bar(|bar| bar.inc(1));
            }
            StageEvent::CapReached { cost, cap } => {
                tracing::warn!(cost = %cost, cap = %cap, "cost cap reached");
            }
            StageEvent::Finished { episode } => {
                self.finish();
                tracing::debug!(episode.id = %episode, "finished");
            }
        }
    }
}
