//! A running dashboard, and an HTTP client for it.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reqwest::{
    Method, Url,
    cookie::{CookieStore, Jar},
    redirect,
};
use scraper::{Html, Selector};
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStdout},
    time::timeout,
};
use url::form_urlencoded;

use crate::TestEnv;

/// How long anything may take before a test gives up.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A running dashboard; it is killed when dropped.
pub struct Dashboard {
    program: Child,
    /// Kept open: the program fails when it can no longer write.
    _stdout: Lines<BufReader<ChildStdout>>,
    stderr: NamedTempFile,
    address: String,
    visitor: Mutex<Visitor>,
}

/// An HTTP client and the cookies that it was given.
struct Visitor {
    client: reqwest::Client,
    cookies: Arc<Jar>,
}

impl Dashboard {
    /// Starts `btcedu web` on a free port of 127.0.0.1, with further words, and waits until it listens.
    ///
    /// # Panics
    /// With what it wrote, where it doesn't start.
    pub async fn start(env: &TestEnv, words: &[&str]) -> Self {
        let stderr = NamedTempFile::new_in(env.folder()).expect("a file for what the dashboard says");
        let args = [&["web", "--listen", "127.0.0.1:0"], words].concat();
        let mut command = env.command(&args);
        command.stderr(stderr.reopen().expect("the same file once more"));
        let mut program = command.spawn().expect("the dashboard starts");
        let stdout = program.stdout.take().expect("the dashboard's stdout");
        let mut lines = BufReader::new(stdout).lines();
        let line = timeout(TIMEOUT, lines.next_line()).await;
        let line = line.ok().and_then(Result::ok).flatten().unwrap_or_default();
        let Some(url) = line.strip_prefix("dashboard at http://") else {
            panic!("the dashboard doesn't say where it is: '{line}'\n{}", read(stderr.path()));
        };
        let address = url.split('/').next().unwrap_or_default().to_owned();
        Self { program, _stdout: lines, stderr, address, visitor: Mutex::new(Visitor::new()) }
    }

    /// Returns `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns what the program wrote to stderr so far.
    pub fn said(&self) -> String {
        read(self.stderr.path())
    }

    /// Tells whether the program is still running.
    ///
    /// # Panics
    /// Where the system can't tell.
    pub fn is_up(&mut self) -> bool {
        self.program.try_wait().expect("the state of the dashboard").is_none()
    }

    /// Forgets all cookies: what follows comes from another visitor.
    pub fn forget_cookies(&self) {
        *self.visitor() = Visitor::new();
    }

    /// Gets a path.
    ///
    /// # Panics
    /// Where no answer comes.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Vec::new()).await
    }

    /// Gets a path with headers.
    ///
    /// # Panics
    /// Where no answer comes.
    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, Vec::new()).await
    }

    /// Gets JSON from below `/api/v1`, which must be there.
    ///
    /// # Panics
    /// Where the answer isn't a 200 with JSON.
    pub async fn api(&self, path: &str) -> Value {
        let answer = self.get(&format!("/api/v1{path}")).await.is(200);
        match serde_json::from_slice(&answer.body) {
            Ok(value) => value,
            Err(error) => panic!("{path} is not JSON: {error}\n{}", answer.text()),
        }
    }

    /// Posts a form as a page of the dashboard does: same origin, cookies kept.
    ///
    /// # Panics
    /// Where no answer comes.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = self.origin();
        self.post_with(path, fields, &[("origin", origin.as_str()), ("sec-fetch-site", "same-origin")]).await
    }

    /// Posts a form with these headers, the cookies and the content type, and no others.
    ///
    /// # Panics
    /// Where no answer comes.
    pub async fn post_with(&self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let headers = [&[("content-type", "application/x-www-form-urlencoded")], headers].concat();
        self.send("POST", path, &headers, form(fields).into_bytes()).await
    }

    /// Looks at a page, takes the token from its form, and posts.
    ///
    /// # Panics
    /// Where the page has no token, or no answer comes.
    pub async fn submit(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.get(page).await.field("csrf").expect("a token on the page");
        self.post(action, &[&[("csrf", token.as_str())], fields].concat()).await
    }

    /// Sends a request and reads the whole answer; redirects are not followed.
    ///
    /// The path goes through a URL parser. [`Dashboard::raw_get`] sends one that must arrive unchanged.
    ///
    /// # Panics
    /// Where no answer comes.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let client = self.visitor().client.clone();
        let mut request = client.request(method, self.url(path));
        if !body.is_empty() {
            request = request.body(body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => panic!("no answer to {path}: {error:?}\n{}", self.said()),
        };
        let status = response.status().as_u16();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers: Vec<(String, String)> =
            response.headers().iter().map(|(n, v)| (n.as_str().to_owned(), text(v.as_bytes()))).collect();
        let body = response.bytes().await.expect("a whole body").to_vec();
        Answer { status, headers, body }
    }

    /// Opens a connection of its own.
    ///
    /// # Panics
    /// Where nobody listens.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.expect("a connection to the dashboard")
    }

    /// Asks the program to end, as systemd does, and returns its exit code.
    ///
    /// # Panics
    /// Where it doesn't end within ten seconds.
    pub async fn terminate(mut self) -> Option<i32> {
        let id = self.program.id().expect("a running program").to_string();
        let told = tokio::process::Command::new("kill").args(["-TERM", &id]).status().await;
        assert!(told.expect("the command kill").success(), "the signal is sent");
        let ended = timeout(Duration::from_secs(10), self.program.wait()).await;
        ended.expect("it ends within ten seconds").expect("its exit code").code()
    }

    /// Sends bytes as they are, and reads until the server closes the connection or time runs out.
    ///
    /// # Panics
    /// Where nobody listens.
    pub async fn raw(&self, bytes: &[u8]) -> RawAnswer {
        let mut stream = self.connect().await;
        // The server may refuse and close before it has read everything.
        let _ = stream.write_all(bytes).await;
        RawAnswer::read(&mut stream).await
    }

    /// Gets a path without passing it through a URL parser.
    ///
    /// # Panics
    /// Where nobody listens.
    pub async fn raw_get(&self, path: &str) -> RawAnswer {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
        self.raw(head.as_bytes()).await
    }

    /// Returns the cookies as a request for the first page sends them; empty where there are none.
    ///
    /// # Panics
    /// Where the cookies aren't text.
    pub fn cookie_header(&self) -> String {
        let url = Url::parse(&self.url("/")).expect("the dashboard's URL");
        let header = self.visitor().cookies.cookies(&url);
        header.map_or_else(String::new, |value| value.to_str().expect("cookies in ASCII").to_owned())
    }

    fn visitor(&self) -> MutexGuard<'_, Visitor> {
        self.visitor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visitor {
    fn new() -> Self {
        // Fails only where a provider is installed already, which serves as well.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let cookies = Arc::new(Jar::default());
        let builder = reqwest::Client::builder()
            .cookie_provider(Arc::clone(&cookies))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            // Plain HTTP only: reading the machine's certificates would take time for nothing.
            .tls_certs_only([]);
        Self { client: builder.build().expect("an HTTP client"), cookies }
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
#[must_use = "look at what the dashboard answered"]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Name in lower case and value, in order.
    pub headers: Vec<(String, String)>,
    /// The body as it came, so it may be compressed.
    pub body: Vec<u8>,
}

impl Answer {
    /// Asserts the status.
    ///
    /// # Panics
    /// With the body, where it is another.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.headers, self.text());
        self
    }

    /// Asserts that the body contains a text.
    ///
    /// # Panics
    /// With the body, where it doesn't.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.text().contains(text), "'{text}' is not in\n{}", self.text());
        self
    }

    /// Returns a header's first value, or an empty text where it is missing.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Returns all values of a header.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the value of the first form field of that name.
    ///
    /// # Panics
    /// Where the name can't stand in a CSS selector.
    pub fn field(&self, name: &str) -> Option<String> {
        let page = Html::parse_document(&self.text());
        let inputs = selector(&format!("input[name=\"{name}\"]"));
        let first = page.select(&inputs).next()?;
        first.attr("value").map(ToOwned::to_owned)
    }

    /// Returns an attribute of every tag that has it, in order.
    ///
    /// # Panics
    /// Where the name can't stand in a CSS selector.
    pub fn attributes(&self, name: &str) -> Vec<String> {
        let page = Html::parse_document(&self.text());
        let with_it = selector(&format!("[{name}]"));
        page.select(&with_it).filter_map(|tag| tag.attr(name)).map(ToOwned::to_owned).collect()
    }
}

fn selector(css: &str) -> Selector {
    match Selector::parse(css) {
        Ok(selector) => selector,
        Err(error) => panic!("'{css}' is no CSS selector: {error}"),
    }
}

/// What came back over a bare connection.
#[derive(Debug, Clone)]
#[must_use = "look at what the dashboard answered"]
pub struct RawAnswer {
    /// The status; `None` where the connection was closed without one.
    pub status: Option<u16>,
    /// Everything that came, as text.
    pub text: String,
    /// Whether the server closed the connection.
    pub closed: bool,
}

impl RawAnswer {
    /// Reads until the server closes the connection or time runs out.
    pub async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        let ended = timeout(TIMEOUT, stream.read_to_end(&mut bytes)).await;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let status = text.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
        // A reset counts as closed.
        Self { status, text, closed: ended.is_ok() }
    }
}

/// Writes fields as a form's body.
pub fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
