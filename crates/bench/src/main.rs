//! Speed and memory of the real program, as figures and ratios; never a test that fails on a slow machine.
//!
//! Usage: `cargo xtask bench`, which builds the program and passes its path; `cargo xtask bench many`
//! measures one part.
//!
//! May use: `btcedu-domain`, `-models`, `-testkit`. Never shipped.

mod bare;
mod many;
mod measure;
mod prompts;
mod schedule;
mod web;

use std::{fmt::Write as _, io::Write as _, time::Duration};

use anyhow::Context;
use btcedu_testkit::{Chapters, TestEnv, simulator::SimulatorConfig};

use crate::{measure::Measured, schedule::ideal};

/// Image calls in flight: the program's default.
const CONCURRENCY: usize = 4;
/// Text calls in flight: fixed in the program.
const TEXT_PLACES: usize = 4;
/// The parts of the benchmark, in this order.
const PARTS: [&str; 8] = ["start", "wall", "noop", "memory", "lock", "many", "prompts", "web"];
const SIZE: (u32, u32) = (1536, 864);
/// About the size of a real picture.
const PICTURE_BYTES: usize = 1_500_000;

/// One line of the table.
pub(crate) struct Line {
    what: String,
    figure: String,
    target: &'static str,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: btcedu-bench PATH_OF_BTCEDU [PART…] (started by `cargo xtask bench`)";
    let program = args.next().context(usage)?;
    let mut parts: Vec<String> = args.collect();
    if parts.is_empty() {
        parts = PARTS.map(str::to_owned).to_vec();
    }
    let mut lines = Vec::new();
    for part in &parts {
        measure_part(&program, part, &mut lines).await?;
    }
    print(&lines);
    Ok(())
}

async fn measure_part(program: &str, part: &str, lines: &mut Vec<Line>) -> anyhow::Result<()> {
    match part {
        "start" => start_up(program, lines).await,
        "wall" => {
            for (chapters, seconds, rounds) in [(8, 0.2, 7), (64, 0.2, 3), (8, 2.0, 3), (64, 2.0, 1)] {
                wall_time(program, chapters, Duration::from_secs_f64(seconds), rounds, lines).await?;
            }
            Ok(())
        }
        "noop" => no_op(program, lines).await,
        "memory" => memory(program, lines).await,
        "lock" => write_lock(program, lines).await,
        "many" => many::commands(program, lines).await,
        "prompts" => prompts::tokens(program, lines).await,
        "web" => web::pages(program, lines).await,
        other => anyhow::bail!("there is no part '{other}'; there are {}", PARTS.join(", ")),
    }
}

fn print(lines: &[Line]) {
    let widest = |column: fn(&Line) -> &str| lines.iter().map(|l| column(l).chars().count()).max();
    let width = widest(|l| &l.what).unwrap_or_default();
    let figure_width = widest(|l| &l.figure).unwrap_or_default();
    let mut text = String::new();
    for line in lines {
        // Writing to a String doesn't fail.
        let _always = writeln!(text, "{:width$}  {:>figure_width$}  {}", line.what, line.figure, line.target);
    }
    let _closed = std::io::stdout().write_all(text.as_bytes());
}

async fn world(program: &str, latency: Duration, chapters: &Chapters) -> TestEnv {
    let config = SimulatorConfig {
        image_latency: latency,
        text_latency: latency,
        picture_bytes: Some(PICTURE_BYTES),
        ..SimulatorConfig::default()
    };
    let mut env = TestEnv::start_with(program, config).await;
    env.set("IMAGE_GEN_SIZE", &format!("{}x{}", SIZE.0, SIZE.1));
    env.set("MAX_EPISODE_COST_USD", "1000");
    env.add("ep1", chapters).await;
    env
}

/// Half of the chapters have a prompt of their own, the others are written.
fn mixed(count: usize) -> Chapters {
    (0..count).fold(Chapters::none(), |document, n| {
        let own = format!("A plain drawing of number {n}.");
        document.with("diagram", (n % 2 == 0).then_some(own.as_str()))
    })
}

async fn wall_time(
    program: &str,
    chapters: usize,
    latency: Duration,
    rounds: usize,
    lines: &mut Vec<Line>,
) -> anyhow::Result<()> {
    let own: Vec<bool> = (0..chapters).map(|n| n % 2 == 0).collect();
    let ideal = ideal(&own, latency, latency, TEXT_PLACES, CONCURRENCY);
    let (mut ratios, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let env = world(program, latency, &mixed(chapters)).await;
        bare.push(bare::fetch_pictures(&env, chapters, CONCURRENCY, SIZE).await?.div_duration_f64(ideal));
        let run = measure::run(&env, &["imagegen", "ep1"]).await?;
        ratios.push(run.wall.div_duration_f64(ideal));
    }
    let (ratio, bare) = (median(ratios), median(bare));
    lines.push(Line {
        what: format!("wall time over ideal, {chapters} chapters, {:.1} s a call", latency.as_secs_f64()),
        figure: format!("{ratio:.3} of {:.2} s, {rounds} runs (bare calls {bare:.3})", ideal.as_secs_f64()),
        target: if chapters == 8 && latency < Duration::from_secs(1) {
            "at most 1.2"
        } else {
            "at most 1.05"
        },
    });
    Ok(())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn start_up(program: &str, lines: &mut Vec<Line>) -> anyhow::Result<()> {
    let env = TestEnv::start(program).await;
    let median = measure::median(&env, &["--help"], 40).await?;
    lines.push(Line {
        what: "start-up (--help)".to_owned(),
        figure: milliseconds(median.wall),
        target: "at most 15 ms",
    });
    Ok(())
}

async fn no_op(program: &str, lines: &mut Vec<Line>) -> anyhow::Result<()> {
    let env = world(program, Duration::ZERO, &mixed(64)).await;
    let _bought = env.run(&["imagegen", "ep1"]).await.success();
    let median = measure::median(&env, &["imagegen", "ep1"], 20).await?;
    lines.push(Line {
        what: "a run with nothing to do, 64 chapters".to_owned(),
        figure: milliseconds(median.wall),
        target: "at most 50 ms",
    });
    Ok(())
}

async fn memory(program: &str, lines: &mut Vec<Line>) -> anyhow::Result<()> {
    for (name, latency) in [("0.2 s a call", Duration::from_millis(200)), ("no latency", Duration::ZERO)] {
        let env = world(program, latency, &Chapters::own_prompts(64)).await;
        let Measured { peak_kib, .. } = measure::run(&env, &["imagegen", "ep1"]).await?;
        let mib = peak_kib / 1024;
        lines.push(Line {
            what: format!("peak memory, 64 pictures of 1.5 MB, {CONCURRENCY} at once, {name}"),
            figure: format!("{mib} MiB"),
            target: "at most 48 MiB",
        });
    }
    Ok(())
}

/// How long the run kept others from writing to the database, by the program's own log.
async fn write_lock(program: &str, lines: &mut Vec<Line>) -> anyhow::Result<()> {
    let env = world(program, Duration::from_millis(200), &mixed(64)).await;
    let _bought = env.run(&["-vv", "imagegen", "ep1"]).await.success();
    let mut held: Vec<u64> =
        env.logged("held_microseconds").iter().filter_map(serde_json::Value::as_u64).collect();
    held.sort_unstable();
    let longest = held.last().context("the log tells of no transaction")?;
    let total: u64 = held.iter().sum();
    let ms = |microseconds: u64| Duration::from_micros(microseconds).as_secs_f64() * 1000.0;
    lines.push(Line {
        what: "the database locked for writing, 64 chapters, 0.2 s a call".to_owned(),
        figure: format!("{:.1} ms at most, {} times, {:.0} ms in all", ms(*longest), held.len(), ms(total)),
        target: "one short transaction at a time",
    });
    Ok(())
}

pub(crate) fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms (median)", duration.as_secs_f64() * 1000.0)
}
