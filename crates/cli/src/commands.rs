//! The command line: every command with its help, and where each is run.

mod add;
mod chapters;
mod completions;
mod cost;
mod doctor;
mod imagegen;
mod images;
mod migrate;
mod plan;
mod prompt;
mod reference;
mod report;
mod review;
mod run;
mod stage;
mod status;
#[cfg(test)]
mod tests;
mod text;
mod web;

use btcedu_domain::EpisodeId;
use btcedu_stages::{BuiltStage, Interrupt};
use clap::{ArgAction, Args, Parser, Subcommand};
use indicatif::MultiProgress;
use tracing::level_filters::LevelFilter;

use crate::{
    app::App,
    errors::{CommandError, CommandResult, OrFail, UsageError},
    exit::ExitStatus,
    logs,
    output::Output,
    progress,
    settings::{Settings, Values},
};

/// Turns a German Bitcoin podcast episode into a Turkish education video package
#[derive(Debug, Parser)]
#[command(
    name = "btcedu",
    version,
    after_help = "\
Examples:
  btcedu add --id abc123 --title \"Halving\" --chapters chapters.json
  btcedu imagegen abc123 --dry-run     what would be bought, and the price
  btcedu imagegen abc123               buy and store the pictures
  btcedu status                        how far every episode has got

Exit codes: 0 done · 1 failed · 2 wrong words or settings · 3 blocked (cost cap,
review, another run) · 130/143 stopped by a signal.

Settings come from flags, the environment and .env; `btcedu doctor` shows them."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Print one JSON document to stdout, and nothing else there
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say more on stderr; twice for every step
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Say less on stderr: errors only, and no progress bar
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Folder of the workspace, database included [default: data]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<std::path::PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(add::AddArgs),
    /// Mend the recognition errors of German transcripts
    ///
    /// Writes transcript.corrected.de.txt and the diff, and opens a review.
    #[command(after_help = "\
Examples:
  btcedu correct abc123
  btcedu correct abc123 --dry-run      the price, and the request bodies
  btcedu correct abc123 --force        whatever is there")]
    Correct(text::TextArgs),
    /// Translate corrected transcripts into Turkish
    ///
    /// Starts once the correction is approved. Writes transcript.tr.txt.
    #[command(after_help = "\
Examples:
  btcedu translate abc123
  btcedu translate abc123 --dry-run    the price, and the request bodies")]
    Translate(text::TextArgs),
    /// Adapt Turkish texts to who reads them
    ///
    /// Writes script.adapted.tr.md with a tag behind each change, and opens a review.
    #[command(after_help = "\
Examples:
  btcedu adapt abc123
  btcedu adapt abc123 --force          anew, whatever is there")]
    Adapt(text::TextArgs),
    /// Cut adapted scripts into chapters
    ///
    /// Starts once the adaptation is approved. Writes chapters.json.
    #[command(after_help = "\
Examples:
  btcedu chapterize abc123
  btcedu chapters abc123               look at the result")]
    Chapterize(text::TextArgs),
    Imagegen(imagegen::ImagegenArgs),
    Run(run::RunArgs),
    RunPending(run::RunPendingArgs),
    RunLatest(run::RunLatestArgs),
    Retry(run::RetryArgs),
    Report(report::ReportArgs),
    Review(review::ReviewArgs),
    Plan(plan::PlanArgs),
    Status(status::StatusArgs),
    Cost(cost::CostArgs),
    Images(images::ImagesArgs),
    Chapters(chapters::ChaptersArgs),
    Prompt(prompt::PromptArgs),
    Migrate(migrate::MigrateArgs),
    MigrateStatus(migrate::MigrateStatusArgs),
    Doctor(doctor::DoctorArgs),
    Web(web::WebArgs),
    Completions(completions::CompletionsArgs),
    /// Prints what README and .env.example say of the program.
    #[command(hide = true)]
    Reference(reference::ReferenceArgs),
    /// A v1 stage.
    #[command(hide = true)]
    Chunk(Unavailable),
    /// A v1 stage.
    #[command(hide = true)]
    Generate(Unavailable),
    /// A v1 stage.
    #[command(hide = true)]
    Refine(Unavailable),
    /// A stage of later work.
    #[command(hide = true)]
    Detect(Unavailable),
    /// A stage of later work.
    #[command(hide = true)]
    Backfill(Unavailable),
    /// A stage of later work.
    #[command(hide = true)]
    Download(Unavailable),
    /// A stage of later work.
    #[command(hide = true)]
    Transcribe(Unavailable),
}

/// Whatever stands behind a command that there isn't.
#[derive(Debug, Args)]
pub(crate) struct Unavailable {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _rest: Vec<String>,
}

/// Episode ids: positional, or by flag for those that begin with a dash.
#[derive(Debug, Args)]
pub(crate) struct EpisodeIds {
    /// Episodes to work on; after `--` for ids that begin with a dash
    #[arg(value_name = "EPISODE_ID")]
    positional: Vec<String>,
    /// The same, for scripts: --episode-id=-QuuHAnujxk
    #[arg(long = "episode-id", value_name = "ID", allow_hyphen_values = true)]
    flagged: Vec<String>,
}

impl EpisodeIds {
    /// Returns the ids, each checked.
    ///
    /// # Errors
    /// [`btcedu_domain::IdError`] for the first that is none.
    pub(crate) fn parsed(&self) -> Result<Vec<EpisodeId>, btcedu_domain::IdError> {
        let mut ids: Vec<EpisodeId> = Vec::new();
        for text in self.positional.iter().chain(&self.flagged) {
            let id = text.parse()?;
            // Twice the same is once the same.
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    /// As [`EpisodeIds::parsed`], and at least one.
    ///
    /// # Errors
    /// [`UsageError`] where there is none.
    pub(crate) fn at_least_one(&self, command: &'static str) -> CommandResult<Vec<EpisodeId>> {
        let ids = self.parsed()?;
        if ids.is_empty() {
            let words = format!("name an episode: `btcedu {command} EPISODE_ID`; `btcedu status` lists them");
            return Err(UsageError(words).into());
        }
        Ok(ids)
    }
}

/// Runs a command with the settings of this process.
///
/// # Errors
/// Whatever the command fails with; the exit code follows from it.
pub(crate) async fn run(cli: Cli, output: Output) -> CommandResult<ExitStatus> {
    if let Some(ended) = run_without_workspace(&cli.command) {
        return ended;
    }
    let app = app(&cli.global, Values::load()?)?;
    let bars = progress::place_for_bars(cli.global.quiet);
    logs::start(level(&cli.global), &bars, app.data.logs());
    run_in_workspace(&app, cli.command, output, bars).await
}

/// Runs a command that needs neither settings nor a workspace; returns `None` for every other command.
pub(crate) fn run_without_workspace(command: &Command) -> Option<CommandResult<ExitStatus>> {
    Some(match command {
        Command::Completions(args) => Ok(completions::run(args)),
        Command::Reference(args) => reference::run(args),
        Command::Chunk(_) => unavailable("chunk", V1),
        Command::Generate(_) => unavailable("generate", V1),
        Command::Refine(_) => unavailable("refine", V1),
        Command::Detect(_) => unavailable("detect", LATER),
        Command::Backfill(_) => unavailable("backfill", LATER),
        Command::Download(_) => unavailable("download", LATER),
        Command::Transcribe(_) => unavailable("transcribe", LATER),
        _ => return None,
    })
}

/// Checks the settings and builds the services from them; flags win over all other sources.
///
/// # Errors
/// A setting that is not allowed.
pub(crate) fn app(global: &Global, mut values: Values) -> CommandResult<App> {
    if let Some(dir) = &global.data_dir {
        let text = dir.to_str().ok_or_else(|| UsageError("--data-dir must be text in UTF-8".to_owned()))?;
        values.set_flag("DATA_DIR", text.to_owned());
    }
    Ok(App::new(Settings::check(values)?))
}

/// Runs a command on a workspace.
///
/// # Errors
/// Whatever the command fails with; the exit code follows from it.
pub(crate) async fn run_in_workspace(
    app: &App,
    command: Command,
    output: Output,
    bars: MultiProgress,
) -> CommandResult<ExitStatus> {
    match command {
        Command::Add(args) => add::run(app, &args, output).await,
        Command::Correct(args) => text::run(app, BuiltStage::Correct, &args, output, bars).await,
        Command::Translate(args) => text::run(app, BuiltStage::Translate, &args, output, bars).await,
        Command::Adapt(args) => text::run(app, BuiltStage::Adapt, &args, output, bars).await,
        Command::Chapterize(args) => text::run(app, BuiltStage::Chapterize, &args, output, bars).await,
        Command::Imagegen(args) => imagegen::run(app, &args, output, bars).await,
        Command::Run(args) => run::run(app, &args, output, bars).await,
        Command::RunPending(args) => run::run_pending(app, &args, output, bars).await,
        Command::RunLatest(args) => run::run_latest(app, &args, output, bars).await,
        Command::Report(args) => report::run(app, &args, output).await,
        Command::Retry(args) => run::retry(app, &args, output, bars).await,
        Command::Review(args) => review::run(app, &args, output).await,
        Command::Plan(args) => plan::run(app, &args, output).await,
        Command::Status(args) => status::run(app, &args, output).await,
        Command::Cost(args) => cost::run(app, &args, output).await,
        Command::Images(args) => images::run(app, &args, output).await,
        Command::Chapters(args) => chapters::run(app, &args, output),
        Command::Prompt(args) => prompt::run(app, &args, output).await,
        Command::Migrate(_) => migrate::run(app, output).await,
        Command::MigrateStatus(_) => migrate::status(app, output).await,
        Command::Doctor(args) => doctor::run(app, &args, output).await,
        Command::Web(args) => web::run(app, &args, output).await,
        _ => Ok(ExitStatus::Done),
    }
}

const V1: &str =
    "is a stage of pipeline v1 and has no command; `btcedu plan EPISODE_ID` shows an episode's plan";
const LATER: &str = "is not in this version of btcedu yet; `btcedu plan EPISODE_ID` shows which stages are";

fn unavailable(name: &str, why: &str) -> CommandResult<ExitStatus> {
    Err(UsageError(format!("'{name}' {why}")).into())
}

fn level(global: &Global) -> LevelFilter {
    match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, _) => LevelFilter::DEBUG,
    }
}

/// Runs one episode after the other; the worst exit code wins, and each has its result.
pub(crate) struct EachEpisode<T> {
    pub(crate) results: Vec<(EpisodeId, CommandResult<T>)>,
}

impl<T: serde::Serialize> EachEpisode<T> {
    pub(crate) fn new() -> Self {
        Self { results: Vec::new() }
    }

    /// Runs the next episode, unless a signal has come since.
    pub(crate) async fn run(
        &mut self,
        id: EpisodeId,
        interrupt: &Interrupt,
        work: impl AsyncFnOnce(&EpisodeId) -> CommandResult<T>,
    ) {
        let result = match interrupt.raised() {
            Some(signal) => Err(CommandError::not_started(signal)),
            None => work(&id).await,
        };
        self.results.push((id, result));
    }

    /// Prints all results: one as its own document, several as a list.
    ///
    /// # Errors
    /// The only episode's error, so that it is told as such.
    pub(crate) fn print(
        self,
        output: Output,
        text: impl Fn(&T) -> String,
        status: impl Fn(&T) -> ExitStatus,
    ) -> CommandResult<ExitStatus> {
        let mut results = self.results;
        if results.len() == 1 {
            let Some((_, only)) = results.pop() else { return Ok(ExitStatus::Done) };
            let value = only?;
            output.result(&value, || text(&value))?;
            return Ok(status(&value));
        }
        Self { results }.print_list(output, text, status)
    }

    /// Prints all results as a list, whatever their number.
    ///
    /// # Errors
    /// Where a result has no form in JSON.
    pub(crate) fn print_list(
        self,
        output: Output,
        text: impl Fn(&T) -> String,
        status: impl Fn(&T) -> ExitStatus,
    ) -> CommandResult<ExitStatus> {
        let results = self.results;
        let mut worst = ExitStatus::Done;
        let mut documents = Vec::new();
        let mut texts = Vec::new();
        for (id, result) in &results {
            match result {
                Ok(value) => {
                    worst = worst.max(status(value));
                    let document = serde_json::to_value(value);
                    documents.push(document.or_fail(|| "the result has no form in JSON".to_owned())?);
                    texts.push(text(value));
                }
                Err(error) => {
                    let (code, told) = (error.status, error.with_causes());
                    worst = worst.max(code);
                    documents.push(
                        serde_json::json!({"episode_id": id, "error": told, "exit_code": i32::from(code)}),
                    );
                    crate::output::note(&format!("error: {id}: {told}"));
                    texts.push(format!("{id}: {}", error.error));
                }
            }
        }
        output.result(&documents, || texts.join("\n\n"))?;
        Ok(worst)
    }
}
