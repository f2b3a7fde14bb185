//! Helpers for tests of the real program: a clean environment, a simulator, chapter documents, a dashboard, a browser.
//!
//! May use: `btcedu-domain`, `btcedu-simulator`. Only ever a dev-dependency.
//!
//! Invariants: the program sees nothing of the machine's environment but `PATH` · every
//! test has its own folder and its own simulator · what a test left running is killed.
//!
//! # Example
//! ```no_run
//! # async fn check() {
//! use btcedu_testkit::{Chapters, TestEnv};
//!
//! let env = TestEnv::start("target/debug/btcedu").await;
//! env.add("ep1", &Chapters::own_prompts(3)).await;
//! env.run(&["imagegen", "ep1"]).await.success();
//! assert_eq!(env.sim.stats().image_answers, 3);
//! # }
//! ```
#![expect(clippy::panic, clippy::expect_used, reason = "a test that can't set up its world fails at once")]

mod browser;
mod chapters;
mod env;
mod finished;
mod web;

pub use browser::{Browser, Key, Theme};
pub use btcedu_simulator as simulator;
pub use chapters::Chapters;
pub use env::{IMAGE_MODEL, KEY, TestEnv};
pub use finished::Finished;
pub use web::{Answer, Dashboard, RawAnswer, form};
