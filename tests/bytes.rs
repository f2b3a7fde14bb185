//! The bytes of a paid picture: a signed one stays as it came, and sidecar and manifest describe the file.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use btcedu_testkit::{Chapters, TestEnv, simulator::SimulatorConfig};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{support::entry, world_with};

const AI_MADE: &[u8] = b"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Reads the chapter's picture and asserts that the store has the same bytes.
fn kept(env: &TestEnv, chapter: &str) -> Vec<u8> {
    let bytes = fs::read(env.output("ep1", &format!("images/{chapter}.png"))).unwrap();
    let store = env.files("outputs/ep1/images/store");
    let call = entry(env, "ep1", chapter)["call_id"].as_str().unwrap().to_owned();
    let name = store.iter().find(|f| f.ends_with(&format!("{call}.png"))).expect("the stored picture");
    assert_eq!(fs::read(env.output("ep1", "images/store").join(name)).unwrap(), bytes);
    let sha256 = btcedu_domain::Sha256Hash::of_bytes(&bytes).to_string();
    assert_eq!(entry(env, "ep1", chapter)["sha256"], sha256);
    bytes
}

/// A proxy between program and simulator that records every answer.
struct RecordingProxy {
    url: String,
    recorded: Arc<Mutex<Vec<u8>>>,
}

impl RecordingProxy {
    async fn start(env: &TestEnv) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let target = env.sim.base_url().trim_start_matches("http://").to_owned();
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let all = recorded.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, target.clone(), all.clone()));
            }
        });
        Self { url, recorded }
    }

    /// The pictures that were answered as base64, in the order of their answers.
    fn pictures(&self) -> Vec<Vec<u8>> {
        let recorded = self.recorded.lock().unwrap();
        let text = String::from_utf8_lossy(&recorded);
        let answers = text.split("\"b64_json\":\"").skip(1);
        answers.map(|rest| BASE64.decode(rest.split('"').next().unwrap()).unwrap()).collect()
    }
}

async fn pass_on(client: TcpStream, target: String, recorded: Arc<Mutex<Vec<u8>>>) {
    let server = TcpStream::connect(target).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let asking = tokio::spawn(async move {
        let _ended = tokio::io::copy(&mut from_client, &mut to_server).await;
    });
    let mut part = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from_server.read(&mut part).await {
        recorded.lock().unwrap().extend_from_slice(&part[..count]);
        if to_client.write_all(&part[..count]).await.is_err() {
            break;
        }
    }
    asking.abort();
}

#[tokio::test]
async fn a_signed_picture_is_stored_byte_for_byte() {
    let mut env = world_with(SimulatorConfig { signed: true, ..SimulatorConfig::default() }).await;
    let proxy = RecordingProxy::start(&env).await;
    env.set("OPENAI_BASE_URL", &proxy.url);
    env.add("ep1", &Chapters::own_prompts(1)).await;
    let _done = env.run(&["imagegen", "ep1"]).await.success();
    let bytes = kept(&env, "ch01");
    assert!(contains(&bytes, b"caBX"));
    assert_eq!(proxy.pictures().remove(0), bytes, "as it came over the wire");
    assert!(!contains(&bytes, AI_MADE), "nothing is added to a signed file");
}

#[tokio::test]
async fn sidecar_and_manifest_tell_what_the_file_is() {
    for signed in [true, false] {
        let env = world_with(SimulatorConfig { signed, ..SimulatorConfig::default() }).await;
        env.add("ep1", &Chapters::own_prompts(1)).await;
        let _done = env.run(&["imagegen", "ep1"]).await.success();
        let bytes = kept(&env, "ch01");
        let call = entry(&env, "ep1", "ch01")["call_id"].as_str().unwrap().to_owned();
        let store = env.files("outputs/ep1/images/store");
        let sidecar = store.iter().find(|f| f.ends_with(&format!("{call}.json"))).unwrap();
        let sidecar = fs::read(env.output("ep1", "images/store").join(sidecar)).unwrap();
        let sidecar: Value = serde_json::from_slice(&sidecar).unwrap();
        assert_eq!(sidecar["c2pa"], signed);
        assert_eq!(sidecar["prompt"], "A plain drawing of number 1.");
        assert_eq!(sidecar["sha256"], entry(&env, "ep1", "ch01")["sha256"]);
        assert_eq!(sidecar["size_bytes"], bytes.len());
        let made = entry(&env, "ep1", "ch01");
        assert_eq!((&made["mime_type"], &made["size_bytes"]), (&"image/png".into(), &bytes.len().into()));
        assert_eq!((&made["width"], &made["height"]), (&1024.into(), &1024.into()));
    }
}
