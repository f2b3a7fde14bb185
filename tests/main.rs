//! Journeys with the real binary, each in a world of its own.

mod basics;

use btcedu_testkit::{TestEnv, simulator::SimulatorConfig};

/// The program under test.
const BTCEDU: &str = env!("CARGO_BIN_EXE_btcedu");

/// Starts a world with a quick simulator.
async fn world() -> TestEnv {
    TestEnv::start(BTCEDU).await
}

/// Starts a world with another simulator.
async fn world_with(config: SimulatorConfig) -> TestEnv {
    TestEnv::start_with(BTCEDU, config).await
}
