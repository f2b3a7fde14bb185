//! The simulator as a program, for the demo, the benchmarks and anyone who wants to try btcedu
//! without spending money.

use std::{io::Write, process::ExitCode, time::Duration};

use btcedu_simulator::{Predraw, Simulator, SimulatorConfig};
use clap::Parser;

/// Speaks the providers' protocols on 127.0.0.1, until it is killed.
#[derive(Debug, Parser)]
#[command(name = "btcedu-simulator", version)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
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
    /// Draw so many pictures of a size before listening, such as 1536x864:16
    #[arg(long, value_name = "WxH:COUNT")]
    predraw: Option<Predraw>,
    /// Pad every PNG to about so many bytes
    #[arg(long, value_name = "N")]
    picture_bytes: Option<usize>,
    /// Refuse models that were shut down by 2026-11-22
    #[arg(long)]
    real_world: bool,
    /// Leave out the thinking block that opens text answers
    #[arg(long)]
    no_thinking: bool,
    /// Let a picture's url work for so many seconds
    #[arg(long, default_value_t = 3600, value_name = "N")]
    url_lifetime_seconds: u64,
    /// End when the other side of stdin closes, as it does when whoever started this has ended
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
            let mut source = error.source();
            while let Some(cause) = source {
                let _ = writeln!(stderr, "caused by: {cause}");
                source = cause.source();
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
        predraw: arguments.predraw,
        picture_bytes: arguments.picture_bytes,
        real_world: arguments.real_world,
        thinking: !arguments.no_thinking,
        url_lifetime: Duration::from_secs(arguments.url_lifetime_seconds),
    })
    .await?;
    // Whoever started this waits for that line, so it must not stay in a buffer.
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {}", simulator.base_url())?;
    stdout.flush()?;
    if arguments.until_stdin_closes {
        tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await?;
        // The reader's thread has nothing more to say, so nothing waits for it.
        return Ok(());
    }
    std::future::pending().await
}
