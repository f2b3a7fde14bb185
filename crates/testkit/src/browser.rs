//! A real browser for tests: headless Chromium behind chromedriver.

use std::{
    fmt,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Stdio,
    str::FromStr,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
pub use fantoccini::key::Key;
use fantoccini::{
    Client, ClientBuilder, Locator,
    actions::{InputSource, KeyAction, KeyActions},
    elements::Element,
    wd::{Capabilities, WebDriverCompatibleCommand},
};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::{sleep, timeout},
};

/// How long anything on a page may take before a test gives up.
const TIMEOUT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// No screenshot is higher than this many pixels.
const MAX_HEIGHT: f64 = 8000.0;

const NOT_INSTALLED: &str = "the browser tests need Chromium and its driver: \
    `apt-get install chromium chromium-driver`, or `cargo xtask verify`, which installs what is missing";

const FLAGS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--window-size=1280,900",
];

/// A browser with one window; it ends when it is closed or dropped.
pub struct Browser {
    client: Client,
    driver: Child,
    port: u16,
    /// Kept open: the driver fails when it can no longer write.
    _output: DriverOutput,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser with a fresh profile, 1280 pixels wide, in light colors.
    ///
    /// # Panics
    /// Where browser or driver is not installed (the message says how to get them) or doesn't come up.
    pub async fn start() -> Self {
        let profile = tempfile::tempdir().expect("a folder for the browser's profile");
        let Driver { process: driver, port, output } = start_driver().await;
        let started = timeout(START_TIMEOUT, session(port, profile.path())).await;
        let client = match started.expect("Chromium starts within a minute") {
            Ok(client) => client,
            Err(error) => panic!("Chromium doesn't start: {error}\n{NOT_INSTALLED}"),
        };
        let browser = Self { client, driver, port, _output: output, _profile: profile };
        browser.window(1280, 900).await;
        browser.theme(Theme::Light).await;
        browser
    }

    /// Ends the browser.
    ///
    /// # Panics
    /// Where the driver refuses.
    pub async fn close(self) {
        self.client.clone().close().await.expect("the browser closes");
    }

    /// Makes the page area this many pixels wide and high, as narrow as a phone if asked.
    ///
    /// # Panics
    /// Where the browser refuses.
    pub async fn window(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Chooses light or dark, as a system setting does.
    ///
    /// # Panics
    /// Where the browser refuses.
    pub async fn theme(&self, theme: Theme) {
        let features = json!([
            {"name": "prefers-color-scheme", "value": theme.to_string()},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// Lets pages opened from now on run scripts, or not; the test's own scripts run either way.
    ///
    /// # Panics
    /// Where the browser refuses.
    pub async fn scripts(&self, allowed: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({"value": !allowed})).await;
    }

    /// Opens an address and waits until the page is loaded.
    ///
    /// # Panics
    /// Where it can't be opened.
    pub async fn open(&self, url: &str) {
        if let Err(error) = self.client.goto(url).await {
            panic!("{url} can't be opened: {error}");
        }
    }

    /// Loads the page anew.
    ///
    /// # Panics
    /// Where it can't be loaded.
    pub async fn reload(&self) {
        self.client.refresh().await.expect("the page loads anew");
    }

    /// Returns the address of the page.
    ///
    /// # Panics
    /// Where the browser can't tell.
    pub async fn url(&self) -> String {
        self.client.current_url().await.expect("the page's address").to_string()
    }

    /// Returns the path of the page, with its query.
    ///
    /// # Panics
    /// Where the browser can't tell.
    pub async fn path(&self) -> String {
        let url = self.client.current_url().await.expect("the page's address");
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// Runs a script (the body of a function) in the page and returns its value.
    ///
    /// # Panics
    /// Where it throws.
    pub async fn run(&self, script: &str) -> Value {
        self.run_with(script, Vec::new()).await
    }

    /// Runs a script as [`Browser::run`] does, with `arguments`.
    ///
    /// # Panics
    /// Where it throws.
    pub async fn run_with(&self, script: &str, arguments: Vec<Value>) -> Value {
        match self.client.execute(script, arguments).await {
            Ok(value) => value,
            Err(error) => panic!("a script failed on {}: {error}\n{script}", self.url().await),
        }
    }

    /// Runs a script that calls its last argument with its result, and returns that result.
    ///
    /// # Panics
    /// Where it throws or doesn't come to an end.
    pub async fn run_async(&self, script: &str) -> Value {
        match self.client.execute_async(script, Vec::new()).await {
            Ok(value) => value,
            Err(error) => panic!("a script failed on {}: {error}\n{script}", self.url().await),
        }
    }

    /// Waits until a JavaScript expression is true.
    ///
    /// # Panics
    /// With the page's text, where it does not become true in time.
    pub async fn until(&self, expression: &str) {
        let script = format!("return Boolean({expression});");
        let so = async {
            // A script may fail while the browser changes from one page to another.
            while self.client.execute(&script, Vec::new()).await.ok() != Some(Value::Bool(true)) {
                sleep(POLL).await;
            }
        };
        if timeout(TIMEOUT, so).await.is_err() {
            let text = self.client.execute("return document.body.innerText;", Vec::new()).await;
            panic!("in vain: {expression} on {}\n{}", self.url().await, text.unwrap_or_default());
        }
    }

    /// Waits until an element matches a selector.
    ///
    /// # Panics
    /// Where none matches in time.
    pub async fn wait_for(&self, css: &str) {
        self.until(&format!("document.querySelector({})", Value::from(css))).await;
    }

    /// Waits until the page with this name (`data-page`) is loaded.
    ///
    /// # Panics
    /// Where it is not loaded in time.
    pub async fn wait_for_page(&self, name: &str) {
        let name = Value::from(name);
        self.until(&format!("document.readyState === 'complete' && document.body.dataset.page === {name}"))
            .await;
    }

    /// Counts what fits a selector.
    ///
    /// # Panics
    /// Where the selector is not valid.
    pub async fn count(&self, css: &str) -> u64 {
        let counted =
            self.run_with("return document.querySelectorAll(arguments[0]).length;", vec![css.into()]);
        counted.await.as_u64().unwrap_or_default()
    }

    /// Returns the text of the first element that fits, hidden or not.
    ///
    /// # Panics
    /// Where nothing fits.
    pub async fn text(&self, css: &str) -> String {
        let text = self.ask(css, "return arguments[0].textContent.trim();").await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Returns what a visitor can read on the page.
    ///
    /// # Panics
    /// Where there is no page.
    pub async fn page_text(&self) -> String {
        self.run("return document.body.innerText;").await.as_str().unwrap_or_default().to_owned()
    }

    /// Returns an attribute of the first element that fits, or `None` where it has no such attribute.
    ///
    /// # Panics
    /// Where nothing fits.
    pub async fn attribute(&self, css: &str, name: &str) -> Option<String> {
        self.find(css).await.attr(name).await.expect("the attribute")
    }

    /// Returns a property of the first element that fits, such as `value`.
    ///
    /// # Panics
    /// Where nothing fits.
    pub async fn property(&self, css: &str, name: &str) -> Value {
        let script = format!("return arguments[0][{}];", Value::from(name));
        self.ask(css, &script).await
    }

    /// Returns an attribute of everything that fits a selector, in order.
    ///
    /// # Panics
    /// Where the selector is not valid.
    pub async fn attributes(&self, css: &str, name: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(e => e.getAttribute(arguments[1]) ?? '');";
        let found = self.run_with(script, vec![css.into(), name.into()]).await;
        let texts = found.as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    /// Clicks the first element that fits, as a mouse does; details around it are opened first.
    ///
    /// # Panics
    /// Where nothing fits, or something else is in the way.
    pub async fn click(&self, css: &str) {
        let element = self.reachable(css).await;
        if let Err(error) = element.click().await {
            panic!("{css} can't be clicked on {}: {error}", self.url().await);
        }
    }

    /// Types a text into the first element that fits, as a person does.
    ///
    /// # Panics
    /// Where nothing fits, or it takes no text.
    pub async fn type_into(&self, css: &str, text: &str) {
        let element = self.reachable(css).await;
        if let Err(error) = element.send_keys(text).await {
            panic!("{css} takes no text on {}: {error}", self.url().await);
        }
    }

    /// Presses and releases a key; it goes to the element with the focus.
    ///
    /// # Panics
    /// Where the browser refuses.
    pub async fn press(&self, key: impl Into<char>) {
        let value = key.into();
        let actions = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value });
        self.client.perform_actions(actions).await.expect("the key is pressed");
    }

    /// Puts the focus on the first element that fits.
    ///
    /// # Panics
    /// Where nothing fits.
    pub async fn focus(&self, css: &str) {
        self.ask(css, "arguments[0].focus();").await;
    }

    /// Tells whether the focus is on an element that fits.
    ///
    /// # Panics
    /// Where the selector is not valid.
    pub async fn has_focus(&self, css: &str) -> bool {
        let asked = self.run_with("return document.activeElement.matches(arguments[0]);", vec![css.into()]);
        asked.await == Value::Bool(true)
    }

    /// Returns the console's errors and warnings since the last call, refused requests included.
    ///
    /// # Panics
    /// Where the browser refuses.
    pub async fn console(&self) -> Vec<String> {
        let log = self.command("se/log", json!({"type": "browser"})).await;
        let entries = log.as_array().into_iter().flatten();
        let loud = entries.filter(|e| matches!(e["level"].as_str(), Some("SEVERE" | "WARNING")));
        loud.map(|e| e["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Checks the page for accessibility with axe's source; returns what is serious or critical.
    ///
    /// # Panics
    /// Where the check fails.
    pub async fn axe(&self, source: &str) -> Vec<String> {
        if self.run("return typeof window.axe;").await != "object" {
            self.run(source).await;
        }
        let script = "
            const done = arguments[arguments.length - 1];
            const told = v => `${v.id} (${v.impact}): ${v.help}\\n`
                + v.nodes.slice(0, 5).map(n => `  ${n.target.join(' ')}: ${n.failureSummary}`).join('\\n');
            window.axe.run(document, {resultTypes: ['violations'], preload: false}).then(
                found => done(found.violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(told)),
                error => done([`axe failed: ${error}`]));";
        let found = self.run_async(script).await;
        let texts = found.as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    /// Takes a screenshot of the whole page as PNG; a very long page is cut at 8,000 pixels.
    ///
    /// # Panics
    /// Where the browser refuses.
    pub async fn screenshot(&self) -> Vec<u8> {
        self.run("document.querySelectorAll('img[loading=lazy]').forEach(i => { i.loading = 'eager'; });")
            .await;
        self.until("[...document.images].every(image => image.complete)").await;
        let size = self
            .run("return [document.documentElement.clientWidth, document.documentElement.scrollHeight];")
            .await;
        let width = size.get(0).and_then(Value::as_f64).unwrap_or(1280.0);
        let height = size.get(1).and_then(Value::as_f64).unwrap_or(900.0).clamp(1.0, MAX_HEIGHT);
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        let options = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let taken = self.devtools("Page.captureScreenshot", options).await;
        STANDARD
            .decode(taken.get("data").and_then(Value::as_str).unwrap_or_default())
            .expect("a picture in base64")
    }

    /// Sends a command of the browser's developer tools.
    ///
    /// # Panics
    /// Where the browser refuses.
    pub async fn devtools(&self, name: &str, parameters: Value) -> Value {
        self.command("goog/cdp/execute", json!({"cmd": name, "params": parameters})).await
    }

    async fn command(&self, path: &'static str, body: Value) -> Value {
        match self.client.issue_cmd(Post { path, body: body.to_string() }).await {
            Ok(value) => value,
            Err(error) => panic!("the browser refuses {path} {body}: {error}"),
        }
    }

    /// Runs a script with the first element that fits as its argument.
    async fn ask(&self, css: &str, script: &str) -> Value {
        let script = format!(
            "const found = document.querySelector(arguments[0]);
             if (!found) throw new Error('nothing fits ' + arguments[0]);
             return (function() {{ {script} }}).call(null, found);"
        );
        self.run_with(&script, vec![css.into()]).await
    }

    async fn reachable(&self, css: &str) -> Element {
        self.ask(
            css,
            "const own = arguments[0].closest('summary')?.parentElement;
             for (let e = arguments[0].parentElement; e; e = e.parentElement) {
                 if (e.tagName === 'DETAILS' && e !== own) e.open = true;
             }
             arguments[0].scrollIntoView({block: 'center', behavior: 'instant'});",
        )
        .await;
        self.find(css).await
    }

    async fn find(&self, css: &str) -> Element {
        match self.client.find(Locator::Css(css)).await {
            Ok(element) => element,
            Err(error) => panic!("nothing fits {css} on {}: {error}", self.url().await),
        }
    }
}

impl Drop for Browser {
    /// Asks the driver to end the browser: killing the driver alone leaves the browser running.
    fn drop(&mut self) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        if let Ok(mut stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_secs(2)) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let asked = b"GET /shutdown HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            // The content of the answer does not matter: once it arrives, the browser has ended.
            let _ = stream.write_all(asked).and_then(|()| stream.read_to_end(&mut Vec::new()).map(drop));
        }
        let _ = self.driver.start_kill();
    }
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Dark text on a light ground.
    Light,
    /// Light text on a dark ground.
    Dark,
}

impl fmt::Display for Theme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Light => "light",
            Self::Dark => "dark",
        })
    }
}

/// A command that is not part of the `WebDriver` standard.
#[derive(Debug)]
struct Post {
    path: &'static str,
    body: String,
}

impl WebDriverCompatibleCommand for Post {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, <Url as FromStr>::Err> {
        base_url.join(&format!("session/{}/{}", session_id.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _request_url: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.clone()))
    }
}

type DriverOutput = Lines<BufReader<ChildStdout>>;

/// A driver that listens.
struct Driver {
    process: Child,
    port: u16,
    output: DriverOutput,
}

/// Starts a driver. It ends if its port is in use for IPv6 already; then another one is started.
async fn start_driver() -> Driver {
    for _ in 0..10 {
        let spawned = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let mut process = match spawned {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                panic!("chromedriver is not installed; {NOT_INSTALLED}")
            }
            Err(error) => panic!("chromedriver doesn't start: {error}"),
        };
        let mut output = BufReader::new(process.stdout.take().expect("the driver's stdout")).lines();
        if let Ok(Some(port)) = timeout(START_TIMEOUT, driver_port(&mut output)).await {
            return Driver { process, port, output };
        }
    }
    panic!("chromedriver doesn't say its port")
}

/// Reads the driver's output until it names the port that it listens on.
async fn driver_port(output: &mut DriverOutput) -> Option<u16> {
    while let Ok(Some(line)) = output.next_line().await {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return port.trim_end_matches('.').parse().ok();
        }
    }
    None
}

async fn session(port: u16, profile: &Path) -> Result<Client, fantoccini::error::NewSessionError> {
    let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
    flags.push(format!("--user-data-dir={}", profile.display()));
    let mut wanted = Capabilities::new();
    wanted.insert("browserName".to_owned(), "chrome".into());
    wanted.insert("goog:chromeOptions".to_owned(), json!({"args": flags}));
    wanted.insert("goog:loggingPrefs".to_owned(), json!({"browser": "ALL"}));
    wanted.insert("unhandledPromptBehavior".to_owned(), "ignore".into());
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(wanted);
    builder.connect(&format!("http://127.0.0.1:{port}")).await
}
