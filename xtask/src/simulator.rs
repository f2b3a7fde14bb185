//! The simulator as a child process, stopped whatever happens, and what it counted.

use std::{
    fmt,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

const WAIT: Duration = Duration::from_secs(10);

/// A running simulator; dropping it stops it.
pub(crate) struct Simulator {
    child: Child,
    base_url: String,
}

/// What it was asked and would have charged, as far as the demo shows it.
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
    /// Starts the program and waits until it says where it listens.
    ///
    /// # Errors
    /// If it can't be started or says something else.
    pub(crate) fn start(program: &Path) -> Result<Self> {
        let child = Command::new(program)
            .args(["--image-latency-ms", "300", "--text-latency-ms", "100", "--until-stdin-closes"])
            .env_clear()
            // Held by us alone: it closes however we end, and the simulator with it.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("can't start {}", program.display()))?;
        let mut simulator = Self { child, base_url: String::new() };
        let stdout = simulator.child.stdout.as_mut().context("the simulator has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).context("can't read what the simulator says")?;
        let Some(base_url) = line.trim().strip_prefix("listening on ") else {
            bail!("the simulator should say where it listens, but said: {}", line.trim());
        };
        base_url.clone_into(&mut simulator.base_url);
        Ok(simulator)
    }

    /// Returns its address, without a path.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Asks what it has counted since its start.
    ///
    /// # Errors
    /// If it doesn't answer with that.
    pub(crate) fn counts(&self) -> Result<Counts> {
        let address = self.base_url.trim_start_matches("http://");
        let answer = get(address, "/__sim/stats").context("can't ask the simulator for its counts")?;
        serde_json::from_str(&answer).context("the simulator's counts can't be read")
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // It may have ended by itself already.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// A GET in HTTP/1.0, whose answer simply ends with the connection.
fn get(address: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(WAIT))?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is cut off")?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        bail!("the answer is: {status}");
    }
    Ok(body.to_owned())
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    fn answer_once(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // All of it: closing with something unread would reset the connection.
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            assert_eq!(lines.next().unwrap(), "GET /__sim/stats HTTP/1.0");
            assert!(lines.any(|line| line.is_empty()));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    #[test]
    fn an_answer_gives_its_body_and_a_refusal_its_status() {
        let address = answer_once(concat!(
            "HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n",
            r#"{"image_calls":2,"text_calls":1,"downloads":0,"model_calls":1,"billed":0.0414,"more":[]}"#
        ));
        let answer = get(&address, "/__sim/stats").unwrap();
        let counts: Counts = serde_json::from_str(&answer).unwrap();
        assert_eq!(counts.to_string(), "2 image calls, 1 text calls, 1 others; would have cost $0.0414");

        let address = answer_once("HTTP/1.0 404 Not Found\r\n\r\n{}");
        assert!(get(&address, "/__sim/stats").unwrap_err().to_string().contains("404"));
    }
}
