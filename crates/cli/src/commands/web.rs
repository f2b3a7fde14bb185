//! `btcedu web`: serves the dashboard, with no provider's key in reach.

use std::net::SocketAddr;

use btcedu_dashboard::{BasePath, DashboardConfig, bind, hash_password};
use btcedu_pipeline::Desk;
use clap::{Args, Subcommand};
use console::Term;
use serde_json::json;

use crate::{
    app::App,
    errors::{CommandResult, OrFail, UsageError},
    exit::ExitStatus,
    output::{Output, note},
    signals,
};

/// Serve the reviewers' dashboard
///
/// Follow episodes, decide reviews, read chapters, look through pictures. It can't spend:
/// it is given no provider's key. It answers on this machine only, unless `DASHBOARD_AUTH`
/// is set; Ctrl-C ends it.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  btcedu web
  btcedu web --listen 0.0.0.0:8090                 for other machines; needs DASHBOARD_AUTH
  btcedu web --base-path /btcedu                   behind a reverse proxy, below a path
  btcedu web hash-password --user ayse >> .env     the password is asked for"
)]
pub(crate) struct WebArgs {
    #[command(subcommand)]
    command: Option<WebCommand>,
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Path before every address, where a reverse proxy serves other things too
    #[arg(long, value_name = "PATH", default_value = "")]
    base_path: BasePath,
    /// Host name to answer to beside this machine's own, where a proxy keeps the name that people use
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum WebCommand {
    /// Make the line for .env that lets somebody sign in
    ///
    /// Asks for the password, or reads it from a pipe.
    #[command(after_help = "Example:\n  btcedu web hash-password --user ayse >> .env")]
    HashPassword {
        /// Who signs in
        #[arg(long, value_name = "NAME")]
        user: String,
    },
}

pub(crate) async fn run(app: &App, args: &WebArgs, output: Output) -> CommandResult<ExitStatus> {
    match &args.command {
        Some(WebCommand::HashPassword { user }) => print_line(user, output),
        None => serve(app, args, output).await,
    }
}

async fn serve(app: &App, args: &WebArgs, output: Output) -> CommandResult<ExitStatus> {
    let mut signals = signals::Signals::new().or_fail(|| "can't listen for signals".to_owned())?;
    let desk = Desk::new(app.without_keys().quiet_context().await?);
    let config = DashboardConfig {
        listen: args.listen,
        base_path: args.base_path.clone(),
        credentials: app.settings.dashboard_auth.clone(),
        hosts: args.allow_host.clone(),
    };
    let dashboard = bind(desk, config).await?;
    let url = dashboard.url();
    output.result(&json!({"url": url, "listen": dashboard.address()}), || format!("dashboard at {url}"))?;
    let (told, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = dashboard.serve(async { drop(stopped.await) });
    tokio::pin!(serving);
    let signal = tokio::select! {
        ended = &mut serving => return ended.map(|()| ExitStatus::Done).map_err(Into::into),
        signal = signals.next() => signal,
    };
    drop(told);
    tokio::select! {
        ended = serving => ended?,
        // Whoever can't wait for the last answers says so.
        _again = signals.next() => {}
    }
    Ok(ExitStatus::of_signal(signal))
}

fn print_line(user: &str, output: Output) -> CommandResult<ExitStatus> {
    let value = hash_password(user, &read_password()?).map_err(|error| UsageError(error.to_string()))?;
    // Without the quotes, whoever reads .env takes the `$` for variables.
    let line = format!("DASHBOARD_AUTH='{value}'");
    output.result(&json!({"line": line}), || line.clone())?;
    Ok(ExitStatus::Done)
}

/// Asks twice at a terminal, without showing it; takes the first line of a pipe.
fn read_password() -> CommandResult<String> {
    let terminal = Term::stderr();
    if !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).or_fail(|| "the password can't be read".to_owned())?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let ask = |question: &str| {
        note(question);
        terminal.read_secure_line().or_fail(|| "the password can't be read".to_owned())
    };
    let password = ask("password:")?;
    if ask("once more:")? != password {
        return Err(UsageError("the two passwords differ".to_owned()).into());
    }
    Ok(password)
}
