//! A loopback server that gives the answers of a test, byte by byte.
//!
//! It is for answers that no provider gives (odd proxies, endless bodies), and to see what
//! was sent. Tests that need a whole provider use the simulator.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What the server does with one request.
#[derive(Debug, Clone)]
pub enum Canned {
    /// Answers with status, headers (`name: value`) and body.
    Answer(u16, Vec<String>, Vec<u8>),
    /// Announces this many bytes, sends the body, and closes the connection.
    CutOff(usize, Vec<u8>),
    /// Sends the body again and again, without a length.
    Endless(Vec<u8>),
    /// Reads the request and closes the connection without an answer.
    Close,
    /// Reads the request and never answers.
    Hang,
}

impl Canned {
    /// Makes an answer of JSON.
    pub fn json(status: u16, body: &str) -> Self {
        Self::Answer(status, vec!["content-type: application/json".to_owned()], body.as_bytes().to_vec())
    }
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// First line and headers, names as sent.
    pub head: String,
    /// The body.
    pub body: String,
}

#[derive(Debug, Default)]
struct Seen {
    received: Mutex<Vec<Received>>,
    disconnects: AtomicUsize,
}

/// The server; it stops when dropped.
#[derive(Debug)]
pub struct Responder {
    address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

impl Responder {
    /// Starts a server that gives these answers in order; it repeats the last one.
    ///
    /// # Errors
    /// The error of the socket.
    pub async fn start(answers: Vec<Canned>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Seen::default());
        let kept = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut answers = answers.into_iter().peekable();
            let mut next = Canned::Close;
            while let Ok((stream, _)) = listener.accept().await {
                next = answers.next().unwrap_or(next);
                tokio::spawn(serve(stream, next.clone(), Arc::clone(&kept)));
            }
        });
        Ok(Self { address, seen, task })
    }

    /// Returns `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the requests so far, in order.
    pub fn received(&self) -> Vec<Received> {
        self.seen.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns how many clients closed the connection during [`Canned::Hang`].
    pub fn disconnects(&self) -> usize {
        self.seen.disconnects.load(Ordering::SeqCst)
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, canned: Canned, seen: Arc<Seen>) -> io::Result<()> {
    let request = read_request(&mut stream).await?;
    seen.received.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    match canned {
        Canned::Answer(status, headers, body) => {
            let headers: String = headers.iter().flat_map(|header| [header.as_str(), "\r\n"]).collect();
            write_head(&mut stream, status, &headers, Some(body.len())).await?;
            stream.write_all(&body).await?;
        }
        Canned::CutOff(length, body) => {
            write_head(&mut stream, 200, "", Some(length)).await?;
            stream.write_all(&body).await?;
        }
        Canned::Endless(body) => {
            write_head(&mut stream, 200, "", None).await?;
            loop {
                stream.write_all(&body).await?;
            }
        }
        Canned::Close => {}
        Canned::Hang => {
            // The loop ends when the client closes the connection.
            while stream.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {}
            seen.disconnects.fetch_add(1, Ordering::SeqCst);
        }
    }
    stream.shutdown().await
}

async fn write_head(
    stream: &mut TcpStream,
    status: u16,
    headers: &str,
    length: Option<usize>,
) -> io::Result<()> {
    let length = length.map(|n| format!("content-length: {n}\r\n")).unwrap_or_default();
    let head = format!("HTTP/1.1 {status} Canned\r\nconnection: close\r\n{headers}{length}\r\n");
    stream.write_all(head.as_bytes()).await
}

async fn read_request(stream: &mut TcpStream) -> io::Result<Received> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await?;
        bytes.extend(chunk.iter().take(count));
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok()).flatten()
            });
            if body.len() >= length.unwrap_or(0_usize) {
                return Ok(Received { head: head.to_owned(), body: body.to_owned() });
            }
        }
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
