//! The simulator as a program, for the demo and for trying btcedu without spending money.

use std::{io::Write, process::ExitCode, time::Duration};

use btcedu_simulator::{Simulator, SimulatorConfig};
use clap::Parser;

/// Speaks the providers' protocols on 127.0.0.1, until it is killed.
#[derive(Debug, Parser)]
#[command(name = "btcedu-simulator", version)]
struct Arguments {
    /// Listen on this port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Let an image call take so long, in milliseconds
    #[arg(long, default_value_t = 0, value_name = "N")]
    image_latency_ms: u64,
    /// Let a text call take so long, in milliseconds
    #[arg(long, default_value_t = 0, value_name = "N")]
    text_latency_ms: u64,
    /// Put a caBX chunk into every PNG, as really signed files have
    #[arg(long)]
    signed: bool,
    /// Refuse models that were shut down by 2026-11-22
    #[arg(long)]
    real_world: bool,
    /// End when stdin closes, which happens when the process that started this ends
    #[arg(long)]
    until_stdin_closes: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut stderr = std::io::stderr();
            let _ = writeln!(stderr, "error: {error}");
            for cause in btcedu_domain::causes(&*error) {
                let _ = writeln!(stderr, "caused by: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let simulator = Simulator::start(SimulatorConfig {
        port: arguments.port,
        image_latency: Duration::from_millis(arguments.image_latency_ms),
        text_latency: Duration::from_millis(arguments.text_latency_ms),
        signed: arguments.signed,
        real_world: arguments.real_world,
        ..SimulatorConfig::default()
    })
    .await?;
    // The parent process waits for this line, so it must not stay in a buffer.
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {}", simulator.base_url())?;
    stdout.flush()?;
    if arguments.until_stdin_closes {
        tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await?;
        return Ok(());
    }
    std::future::pending().await
}
