//! Runs a server as a child process: waits until it prints its address, and stops it in every case.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::cargo::shown;

const WAIT: Duration = Duration::from_secs(10);

/// A running program; dropping it stops it.
pub(crate) struct Listening {
    child: Child,
    url: String,
}

impl Listening {
    /// Starts a program and waits for a line of `prefix` and its address.
    ///
    /// # Errors
    /// If it can't be started or prints something else.
    pub(crate) fn start(command: &mut Command, prefix: &str) -> Result<Self> {
        let child = command.stdout(Stdio::piped()).spawn();
        let child = child.with_context(|| format!("can't start `{}`", shown(command)))?;
        let mut listening = Self { child, url: String::new() };
        let stdout = listening.child.stdout.as_mut().context("it has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).context("can't read what it says")?;
        let Some(url) = line.trim().strip_prefix(prefix) else {
            bail!("`{}` should say where it listens, but said: {}", shown(command), line.trim());
        };
        url.clone_into(&mut listening.url);
        Ok(listening)
    }

    /// Returns its address, as it printed it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sends a GET for a path and returns the answer's body.
    ///
    /// # Errors
    /// If it doesn't answer with 200.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        let address = self.url.trim_start_matches("http://").trim_end_matches('/');
        get(address, path).with_context(|| format!("{}{path}", self.url.trim_end_matches('/')))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Sends a GET in HTTP/1.0, where the end of the connection is the end of the answer.
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
            // Read everything: closing with unread bytes would reset the connection.
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            assert_eq!(lines.next().unwrap(), "GET /page HTTP/1.0");
            assert!(lines.any(|line| line.is_empty()));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    #[test]
    fn an_answer_gives_its_body_and_a_refusal_its_status() {
        let address = answer_once("HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nbody");
        assert_eq!(get(&address, "/page").unwrap(), "body");
        let address = answer_once("HTTP/1.0 404 Not Found\r\n\r\n{}");
        assert!(get(&address, "/page").unwrap_err().to_string().contains("404"));
    }

    #[test]
    fn a_program_that_says_something_else_is_no_server() {
        let error = Listening::start(Command::new("echo").arg("hello"), "listening on ").err().unwrap();
        assert!(
            error.to_string().contains("`echo hello` should say where it listens, but said: hello"),
            "{error}"
        );
    }
}
