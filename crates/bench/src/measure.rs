//! Wall time and peak memory of a program, measured from outside.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use btcedu_testkit::TestEnv;

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// From before the start to after the end.
    pub(crate) wall: Duration,
    /// The most resident memory that was seen, in KiB.
    pub(crate) peak_kib: u64,
}

/// Runs the program once; it must succeed.
///
/// # Errors
/// If it doesn't.
pub(crate) async fn run(env: &TestEnv, args: &[&str]) -> anyhow::Result<Measured> {
    let started = now();
    let child = env.spawn(args);
    let pid = child.id().context("the program ended before it was looked at")?;
    let watcher = tokio::spawn(watch(pid));
    let finished = env.wait(child).await;
    let wall = now().duration_since(started);
    ensure!(finished.code == Some(0), "{args:?} failed:\n{}\n{}", finished.stdout, finished.stderr);
    Ok(Measured { wall, peak_kib: watcher.await? })
}

/// Runs the program often and returns the run of median wall time.
///
/// # Errors
/// If one of the runs fails.
pub(crate) async fn median(env: &TestEnv, args: &[&str], rounds: usize) -> anyhow::Result<Measured> {
    let mut runs = Vec::new();
    for _ in 0..rounds {
        runs.push(run(env, args).await?);
    }
    runs.sort_by_key(|run| run.wall);
    runs.get(rounds / 2).copied().context("at least one run")
}

/// Reads the kernel's high-water mark of memory until the process has ended.
async fn watch(pid: u32) -> u64 {
    let mut peak = 0;
    while let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) {
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let Some(kib) = line.and_then(|l| l.trim().trim_end_matches("kB").trim().parse::<u64>().ok()) else {
            break;
        };
        peak = peak.max(kib);
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    peak
}

/// Reads the machine's steady clock.
#[expect(clippy::disallowed_methods, reason = "measuring is what this is for")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
