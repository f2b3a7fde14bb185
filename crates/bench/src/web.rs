//! The dashboard under load: its speed, memory and CPU time with a thousand episodes of ten pictures.
//!
//! The client shares the cores with the server, so it does little: requests are prepared beforehand, and bodies
//! are read and discarded. The server's CPU time shows its share.
#![expect(clippy::indexing_slicing, reason = "JSON documents of our own making")]

use std::{
    fs,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use btcedu_domain::{
    EpisodeId, EpisodeRowId, EpisodeStatus, PipelineVersion, ReviewStage, ReviewStatus, RunStatus, Stage,
    UtcTime,
};
use btcedu_models::{
    Conn, Db, DbConfig, DbError,
    episodes::{self, NewEpisode},
    pipeline_runs::{self, NewRun},
    review_tasks::{self, NewReviewTask},
};
use btcedu_testkit::TestEnv;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStdout},
    task::JoinSet,
    time::{interval, timeout},
};

use crate::{Line, many::insert_call, measure};

const EPISODES: usize = 1_000;
/// Chapters of each episode, all of them with a picture.
const CHAPTERS: usize = 10;
/// The episode whose pictures are drawn; the others get the same.
const FIRST: &str = "ep0001";
/// About the fewest pixels that the model takes.
const SIZE: &str = "1088x608";
const SAMPLE: &str = include_str!("../../../data/sample/chapters.json");
const CONNECTIONS: usize = 16;
/// How long each kind of page is requested.
const SPAN: Duration = Duration::from_secs(5);
const BETWEEN_WRITES: Duration = Duration::from_millis(100);
/// How long the dashboard may take to start.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The unit of the times in `/proc/PID/stat`: `USER_HZ` is 100 on every Linux of today.
const TICK: Duration = Duration::from_millis(10);
/// The stages that an episode goes through here, in order.
const STAGES: [Stage; 5] =
    [Stage::Correct, Stage::Translate, Stage::Adapt, Stage::Chapterize, Stage::Imagegen];
/// How far episodes have got, and how many of the stages are behind them; each in turn.
const STATES: [(EpisodeStatus, usize); 5] = [
    (EpisodeStatus::ImagesGenerated, 5),
    (EpisodeStatus::Corrected, 1),
    (EpisodeStatus::Chapterized, 4),
    (EpisodeStatus::Adapted, 3),
    (EpisodeStatus::CostLimit, 4),
];
/// The gates, and after how many of the stages each comes.
const GATES: [(ReviewStage, usize); 2] = [(ReviewStage::Correct, 1), (ReviewStage::Adapt, 3)];

/// Measures the pages that people open most, warm, cold, and while somebody writes.
///
/// # Errors
/// If the workspace can't be filled, or an answer is not a whole 200.
pub(crate) async fn pages(program: &str, lines: &mut Vec<Line>) -> anyhow::Result<()> {
    let mut env = TestEnv::start(program).await;
    env.set("IMAGE_GEN_SIZE", SIZE);
    let ids = (1..=EPISODES)
        .map(|number| format!("ep{number:04}").parse())
        .collect::<Result<Vec<EpisodeId>, _>>()?;
    draw_first(&env).await?;
    let others: Vec<EpisodeId> = ids.iter().skip(1).cloned().collect();
    copy_first(&env, &others)?;
    let db_config = DbConfig { path: env.data().join("btcedu.db"), ..DbConfig::default() };
    let row = fill(&db_config, others).await?;

    let server = Server::start(&env).await?;
    lines.push(Line {
        what: format!("dashboard, {EPISODES} episodes of {CHAPTERS} pictures, before the first request"),
        figure: format!("{:.1} MiB", server.mib("VmRSS")?),
        target: "under 64 MiB",
    });
    let gallery = |id: &EpisodeId| format!("/episodes/{id}/images");
    let as_json = |id: &EpisodeId| format!("/api/v1/episodes/{id}/images");
    let one = ids.get(EPISODES / 2).context("there is an episode in the middle")?;
    let list = vec!["/".to_owned()];
    for (what, paths, is_one_round) in [
        ("episode list", list.clone(), false),
        ("one episode's gallery", vec![gallery(one)], false),
        ("every gallery once, pictures not hashed yet", ids.iter().map(gallery).collect(), true),
        ("all galleries in turn", ids.iter().map(gallery).collect(), false),
        ("one episode's gallery as JSON", vec![as_json(one)], false),
        ("all galleries in turn as JSON", ids.iter().map(as_json).collect(), false),
    ] {
        server.measure(what, &paths, is_one_round, lines).await?;
    }
    let db = Db::open(&db_config)?;
    tokio::select! {
        measured = server.measure("episode list, ten writes a second", &list, false, lines) => measured,
        error = keep_writing(&db, row) => Err(error.into()),
    }
}

/// Makes the first episode as a person does, pictures and manifest included.
async fn draw_first(env: &TestEnv) -> anyhow::Result<()> {
    let file = env.write("chapters.json", &document()?.to_string()).display().to_string();
    let add = ["add", "--id", FIRST, "--title", "Halving", "--chapters", &file];
    let _added = env.run(&add).await.success();
    let _drawn = env.run(&["imagegen", FIRST]).await.success();
    Ok(())
}

/// Makes a document of the sample's chapters, so that texts are as long as real ones; each gets a picture.
fn document() -> anyhow::Result<Value> {
    let mut document: Value = serde_json::from_str(SAMPLE)?;
    let sample = document.get("chapters").and_then(Value::as_array).cloned();
    let sample = sample.context("the sample has chapters")?;
    let mut seconds = 0;
    let mut chapters = Vec::new();
    for (number, mut chapter) in (1..=CHAPTERS).zip(sample.into_iter().cycle()) {
        chapter["chapter_id"] = json!(format!("ch{number:02}"));
        chapter["order"] = json!(number);
        chapter["visual"]["type"] = json!("diagram");
        chapter["visual"]["image_prompt"] = json!(format!(
            "A calm, flat illustration, number {number} of {CHAPTERS}: coins roll along a path that gets \
             narrower with every turn, past gates of stone; dark blue night sky, warm light from the left, \
             wide margins, thin outlines, nothing written anywhere, nobody to be seen"
        ));
        let length = chapter.pointer("/narration/estimated_duration_seconds");
        seconds += length.and_then(Value::as_i64).context("each chapter has a length")?;
        chapters.push(chapter);
    }
    document["episode_id"] = json!(FIRST);
    document["total_chapters"] = json!(CHAPTERS);
    document["estimated_duration_seconds"] = json!(seconds);
    document["chapters"] = Value::Array(chapters);
    Ok(document)
}

/// Gives the other episodes the first one's files; pictures are linked, so that they take no room.
fn copy_first(env: &TestEnv, others: &[EpisodeId]) -> anyhow::Result<()> {
    let (mut chapters, mut manifest) = (document()?, env.manifest(FIRST));
    for id in others {
        let images = env.output(id.as_str(), "images");
        fs::create_dir_all(&images)?;
        for number in 1..=CHAPTERS {
            let name = format!("ch{number:02}.png");
            let drawn = env.output(FIRST, "images").join(&name);
            fs::hard_link(&drawn, images.join(&name))
                .with_context(|| format!("{} can't be linked", drawn.display()))?;
        }
        for (file, document) in [("chapters.json", &mut chapters), ("images/manifest.json", &mut manifest)] {
            document["episode_id"] = json!(id);
            env.write(&format!("data/outputs/{id}/{file}"), &format!("{document:#}"));
        }
    }
    Ok(())
}

/// Writes the rows of the other episodes, and returns one of them.
async fn fill(config: &DbConfig, others: Vec<EpisodeId>) -> anyhow::Result<EpisodeRowId> {
    let days = (1..=28)
        .map(|day| format!("2026-10-{day:02}T10:00:00Z").parse())
        .collect::<Result<Vec<UtcTime>, _>>()?;
    let db = Db::open(config)?;
    let row = db.transaction(move |conn| {
        let mut last = None;
        let states = STATES.into_iter().cycle();
        for ((id, at), (status, stages)) in others.iter().zip(days.into_iter().cycle()).zip(states) {
            last = Some(insert(conn, id, at, status, stages)?);
        }
        Ok(last)
    });
    row.await?.context("there is more than one episode")
}

fn insert(
    conn: &mut Conn,
    id: &EpisodeId,
    at: UtcTime,
    status: EpisodeStatus,
    stages: usize,
) -> Result<EpisodeRowId, DbError> {
    let new = NewEpisode {
        episode_id: id,
        channel_id: None,
        source: "local",
        title: &format!("Folge {id}: Warum gibt es nur 21 Millionen Bitcoin, und wer bestimmt das?"),
        published_at: Some(at),
        duration_seconds: Some(1_800),
        url: None,
        status,
        output_dir: None,
        detected_at: at,
        pipeline_version: PipelineVersion::V2,
    };
    let row = episodes::insert(conn, &new)?.id;
    for stage in STAGES.into_iter().take(stages) {
        let run = pipeline_runs::insert(conn, &NewRun { episode_id: row, stage, started_at: at })?;
        let calls = if stage == Stage::Imagegen { CHAPTERS } else { 3 };
        for _ in 0..calls {
            insert_call(conn, row, run, stage, at)?;
        }
        pipeline_runs::set_totals_from_ledger(conn, run)?;
        pipeline_runs::set_finished(conn, run, RunStatus::Success, at, None)?;
    }
    for (gate, after) in GATES.into_iter().filter(|(_, after)| *after <= stages) {
        let task = NewReviewTask {
            episode_id: id,
            stage: gate,
            artifact_paths: "[]",
            diff_path: None,
            prompt_version_id: None,
            created_at: at,
            artifact_hash: None,
        };
        let task = review_tasks::insert(conn, &task)?;
        if after < stages {
            review_tasks::set_status(conn, task.id, ReviewStatus::Approved, Some(at), None)?;
        }
    }
    Ok(row)
}

/// Keeps changing a row, so that pages must be rendered again; returns only when that fails.
async fn keep_writing(db: &Db, row: EpisodeRowId) -> DbError {
    let mut ticks = interval(BETWEEN_WRITES);
    let mut seconds = 0;
    loop {
        ticks.tick().await;
        seconds += 1;
        let write = move |conn: &mut Conn| episodes::set_duration_seconds(conn, row, Some(seconds));
        if let Err(error) = db.transaction(write).await {
            return error;
        }
    }
}

/// A dashboard that runs until it is dropped.
struct Server {
    _program: Child,
    /// Kept open: the program fails when it can no longer write.
    _stdout: Lines<BufReader<ChildStdout>>,
    pid: u32,
    address: String,
}

impl Server {
    async fn start(env: &TestEnv) -> anyhow::Result<Self> {
        let mut command = env.command(&["web", "--listen", "127.0.0.1:0"]);
        // Its errors must be visible.
        let mut program = command.stderr(Stdio::inherit()).spawn()?;
        let pid = program.id().context("the dashboard ended at once")?;
        let mut stdout = BufReader::new(program.stdout.take().context("its stdout is a pipe")?).lines();
        let line = timeout(TIMEOUT, stdout.next_line()).await??.unwrap_or_default();
        let url = line.strip_prefix("dashboard at http://");
        let url = url.with_context(|| format!("the dashboard doesn't say where it is, but '{line}'"))?;
        let address = url.trim_end_matches('/').to_owned();
        Ok(Self { _program: program, _stdout: stdout, pid, address })
    }

    /// Requests the paths in turn, once each or for [`SPAN`], and adds two lines to the table.
    async fn measure(
        &self,
        what: &str,
        paths: &[String],
        is_one_round: bool,
        lines: &mut Vec<Line>,
    ) -> anyhow::Result<()> {
        let request = |path: &String| {
            format!("GET {path} HTTP/1.1\r\nhost: {}\r\naccept-encoding: gzip\r\n\r\n", self.address)
        };
        let requests = paths.iter().map(request).collect();
        let (cpu_before, started) = (self.cpu()?, measure::now());
        let until = (!is_one_round).then(|| started + SPAN);
        let walk = Arc::new(Walk { requests, next: AtomicUsize::new(0), until });
        let mut visitors = JoinSet::new();
        for _ in 0..CONNECTIONS {
            visitors.spawn(visit(self.address.clone(), walk.clone()));
        }
        let (mut times, mut largest) = (Vec::new(), 0);
        while let Some(ended) = visitors.join_next().await {
            let seen = ended??;
            times.extend(seen.times);
            largest = largest.max(seen.largest);
        }
        let took = measure::now().duration_since(started);
        let cpu = self.cpu()?.saturating_sub(cpu_before);
        times.sort_unstable();
        let count = u32::try_from(times.len())?;
        ensure!(count > 0, "there was no answer in {SPAN:?}");
        lines.push(Line {
            what: format!("{what}, {CONNECTIONS} connections"),
            figure: format!(
                "{:.0} a second, p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
                f64::from(count) / took.as_secs_f64(),
                ms(percentile(&times, 50)),
                ms(percentile(&times, 99)),
                ms(percentile(&times, 100)),
            ),
            target: "p99 under 10 ms",
        });
        lines.push(Line {
            what: "  server: CPU a request, largest answer, memory now, memory at most".to_owned(),
            figure: format!(
                "{:.3} ms, {:.1} KB, {:.1} MiB, {:.1} MiB",
                ms(cpu / count),
                f64::from(u32::try_from(largest)?) / 1000.0,
                self.mib("VmRSS")?,
                self.mib("VmHWM")?,
            ),
            target: "under 100 KB and 64 MiB",
        });
        Ok(())
    }

    /// Reads the CPU time so far, the system's on behalf of the server included.
    fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The second field is a name that may contain anything, so fields are counted from the third. Needed: 14 and 15.
        let (_, fields) = stat.rsplit_once(')').context("the process has a name")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
        Ok(TICK * ticks.sum::<Result<u32, _>>()?)
    }

    /// Reads a size from what the kernel says of the process.
    fn mib(&self, name: &str) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let line = line.with_context(|| format!("the kernel doesn't tell {name}"))?;
        let kib: u32 = line.trim_matches(|c: char| !c.is_ascii_digit()).parse()?;
        Ok(f64::from(kib) / 1024.0)
    }
}

/// The requests of all connections together.
struct Walk {
    requests: Vec<String>,
    next: AtomicUsize,
    /// When to stop; `None` means after one round.
    until: Option<Instant>,
}

impl Walk {
    /// Returns the next request.
    fn turn(&self) -> Option<&str> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let is_over = self.until.map_or(turn >= self.requests.len(), |until| measure::now() >= until);
        let request = if is_over { None } else { self.requests.get(turn % self.requests.len()) };
        request.map(String::as_str)
    }
}

/// What one connection saw.
struct Seen {
    times: Vec<Duration>,
    /// The largest body as it came, in bytes.
    largest: usize,
}

async fn visit(address: String, walk: Arc<Walk>) -> anyhow::Result<Seen> {
    let stream = TcpStream::connect(&address).await?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let (mut line, mut body) = (String::new(), Vec::new());
    let mut seen = Seen { times: Vec::new(), largest: 0 };
    while let Some(request) = walk.turn() {
        let started = measure::now();
        stream.write_all(request.as_bytes()).await?;
        let read = read_answer(&mut stream, &mut line, &mut body).await;
        read.with_context(|| request.lines().next().unwrap_or_default().to_owned())?;
        seen.times.push(measure::now().duration_since(started));
        seen.largest = seen.largest.max(body.len());
    }
    Ok(seen)
}

/// Reads a whole answer, which must be a 200; `line` and `body` are used again each time.
async fn read_answer(
    stream: &mut BufReader<TcpStream>,
    line: &mut String,
    body: &mut Vec<u8>,
) -> anyhow::Result<()> {
    line.clear();
    stream.read_line(line).await?;
    ensure!(line.starts_with("HTTP/1.1 200 "), "the dashboard answered {line:?}");
    let mut length = None;
    while !line.trim().is_empty() {
        line.clear();
        stream.read_line(line).await?;
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = Some(value.trim().parse()?);
        }
    }
    body.resize(length.context("the answer tells no length")?, 0);
    stream.read_exact(body).await?;
    Ok(())
}

/// Returns a percentile of times that are sorted already.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
