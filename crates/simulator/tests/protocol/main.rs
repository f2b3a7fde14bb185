//! The simulator over a real socket, spoken to as a client of the providers would.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy knows test functions, not their helpers in a test crate"
)]

mod anthropic;
mod caching;
mod connection;
mod control;
mod images;
mod pictures;
mod refusals;
mod stages;

use std::sync::Once;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use btcedu_simulator::{Endpoint, Fault, Rule, Simulator, SimulatorConfig};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

/// A simulator and a client for it.
struct Scene {
    sim: Simulator,
    client: Client,
}

impl Scene {
    async fn new() -> Self {
        Self::with(SimulatorConfig::default()).await
    }

    async fn with(config: SimulatorConfig) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
        let sim = Simulator::start(config).await.unwrap();
        let redirects = reqwest::redirect::Policy::none();
        let client = Client::builder().no_proxy().redirect(redirects).build().unwrap();
        Self { sim, client }
    }

    /// A scene in which a fault happens to every request of an endpoint.
    async fn with_fault(endpoint: Endpoint, fault: Fault) -> Self {
        let scene = Self::new().await;
        scene.sim.script(Rule::new(endpoint, fault));
        scene
    }

    fn image(&self, body: &Value) -> RequestBuilder {
        let url = format!("{}/v1/images/generations", self.sim.base_url());
        self.client.post(url).bearer_auth("sk-sim-1").json(body)
    }

    fn message(&self, body: &Value) -> RequestBuilder {
        self.client
            .post(format!("{}/v1/messages", self.sim.base_url()))
            .header("x-api-key", "sk-sim-1")
            .header("anthropic-version", "2026-10-21")
            .json(body)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.sim.base_url())).bearer_auth("sk-sim-1")
    }
}

/// A small body that gpt-image-2.6 takes.
fn gpt(prompt: &str) -> Value {
    json!({"model": "gpt-image-2.6-flare", "prompt": prompt, "size": "1024x640", "quality": "low"})
}

/// A body that dall-e-3 takes, with the picture in the answer.
fn dall_e_3(prompt: &str) -> Value {
    json!({"model": "dall-e-3", "prompt": prompt, "size": "1024x1024", "response_format": "b64_json"})
}

/// A body that claude-sonnet-5-5 takes.
fn claude(text: &str) -> Value {
    json!({"model": "claude-sonnet-5-5", "max_tokens": 2000, "messages": [{"role": "user", "content": text}]})
}

async fn status_and_json(request: RequestBuilder) -> (u16, Value) {
    read(request.send().await.unwrap()).await
}

async fn read(answer: Response) -> (u16, Value) {
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn picture_bytes(answer: &Value) -> Vec<u8> {
    BASE64.decode(answer["data"][0]["b64_json"].as_str().unwrap()).unwrap()
}

/// Starts a call that stays open, and waits until the simulator has it.
async fn in_flight(scene: &Scene, request: RequestBuilder, calls: u64) -> tokio::task::JoinHandle<()> {
    let task = tokio::spawn(async move {
        let _ = request.send().await;
    });
    until(|| scene.sim.stats().image_calls + scene.sim.stats().text_calls >= calls).await;
    task
}

/// Looks again and again until something is so; the test runner's patience is the limit.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}
