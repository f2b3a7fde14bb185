//! Journeys with the real binary, each in its own test environment ("world").

#![cfg(test)]

mod add_and_json;
mod basics;
mod before_buying;
mod books;
mod bytes;
mod cap;
mod choice;
mod choice_later;
mod cli;
mod concurrency;
mod crash;
mod crash_beside;
mod crash_later;
mod crash_random;
mod crash_support;
mod ends;
mod errors;
mod foreign_files;
mod local_faults;
mod long_prompts;
mod partial;
mod refresh;
mod secrets;
mod settings;
mod signals;
mod store_lost;
mod support;
mod text_crash;
mod text_gates;
mod text_journey;
mod text_replies;
mod text_requests;
mod text_runs;
mod text_support;
mod timers;
mod verify;
mod web_access;
mod web_answers;
mod web_gallery;
mod web_look;
mod web_pages;
mod web_reviews;
mod web_safety;
mod web_support;

use btcedu_testkit::{TestEnv, simulator::SimulatorConfig};

/// The program under test.
const BTCEDU: &str = env!("CARGO_BIN_EXE_btcedu");

/// Starts a world of its own for a test.
async fn world() -> TestEnv {
    world_with(SimulatorConfig::default()).await
}

/// Starts a world with another simulator.
async fn world_with(config: SimulatorConfig) -> TestEnv {
    TestEnv::start_with(BTCEDU, config).await
}
