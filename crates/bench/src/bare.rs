//! The same calls by a client that only sends and receives: its time is the machine's share of the program's time.

use std::time::Duration;

use anyhow::{Context, ensure};
use btcedu_testkit::TestEnv;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::measure;

/// Requests `count` pictures over several connections, discards them, and returns how long it took.
///
/// # Errors
/// If the simulator doesn't answer each with a picture.
pub(crate) async fn fetch_pictures(
    env: &TestEnv,
    pictures: usize,
    connections: usize,
    (width, height): (u32, u32),
) -> anyhow::Result<Duration> {
    let address = env.sim.base_url().trim_start_matches("http://").to_owned();
    let body = format!(
        r#"{{"model":"{}","prompt":"a bare call","size":"{width}x{height}","quality":"medium"}}"#,
        btcedu_testkit::IMAGE_MODEL
    );
    let request = format!(
        "POST /v1/images/generations HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        btcedu_testkit::KEY,
        body.len()
    );
    let started = measure::now();
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..connections {
        let turns = pictures / connections + usize::from(number < pictures % connections);
        let (address, request) = (address.clone(), request.clone());
        clients.spawn(async move { ask(&address, &request, turns).await });
    }
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    Ok(measure::now().duration_since(started))
}

async fn ask(address: &str, request: &str, turns: usize) -> anyhow::Result<()> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    let mut body = Vec::new();
    for _ in 0..turns {
        stream.write_all(request.as_bytes()).await?;
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        ensure!(line.starts_with("HTTP/1.1 200"), "the simulator answered {line:?}");
        let mut length = None;
        while line.trim() != "" {
            line.clear();
            stream.read_line(&mut line).await?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = Some(value.trim().parse()?);
            }
        }
        body.resize(length.context("the answer tells no length")?, 0);
        stream.read_exact(&mut body).await?;
    }
    Ok(())
}
