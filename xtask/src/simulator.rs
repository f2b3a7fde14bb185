//! Runs the simulator as a child process and reads its counters.

use std::{
    fmt,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::listening::Listening;

/// A running simulator; dropping it stops it.
pub(crate) struct Simulator(Listening);

/// The simulator's counters that the demo shows.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(crate) struct Counts {
    image_calls: u64,
    text_calls: u64,
    downloads: u64,
    model_calls: u64,
    /// In dollars.
    billed: f64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { image_calls, text_calls, billed, downloads, model_calls } = self;
        write!(
            f,
            "{image_calls} image calls, {text_calls} text calls, {} others; ",
            downloads + model_calls
        )?;
        write!(f, "would have cost ${billed:.4}")
    }
}

impl Simulator {
    /// Starts the program and waits until it prints its address.
    ///
    /// # Errors
    /// If it can't be started or prints something else.
    pub(crate) fn start(program: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command
            .args(["--image-latency-ms", "300", "--text-latency-ms", "100", "--until-stdin-closes"])
            .env_clear()
            // Only this process holds the pipe: it closes when this process ends, and the simulator ends with it.
            .stdin(Stdio::piped());
        Ok(Self(Listening::start(&mut command, "listening on ")?))
    }

    /// Returns its address, without a path.
    pub(crate) fn base_url(&self) -> &str {
        self.0.url()
    }

    /// Reads its counters since the start.
    ///
    /// # Errors
    /// If the answer is something else.
    pub(crate) fn counts(&self) -> Result<Counts> {
        let answer = self.0.get("/__sim/stats").context("can't ask the simulator for its counts")?;
        serde_json::from_str(&answer).context("the simulator's counts can't be read")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_in_one_line() {
        let answer =
            r#"{"image_calls":2,"text_calls":1,"downloads":0,"model_calls":1,"billed":0.0414,"more":[]}"#;
        let counts: Counts = serde_json::from_str(answer).unwrap();
        assert_eq!(counts.to_string(), "2 image calls, 1 text calls, 1 others; would have cost $0.0414");
    }
}
