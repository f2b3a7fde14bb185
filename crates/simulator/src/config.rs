//! How a simulator is set up before it starts.

use std::time::Duration;

/// How a simulator behaves from its start on; faults come later, by [`crate::Rule`].
#[derive(Debug, Clone, Default)]
pub struct SimulatorConfig {
    /// Port on 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// How long an image call takes.
    pub image_latency: Duration,
    /// How long a text call takes.
    pub text_latency: Duration,
    /// Whether PNGs carry a `caBX` chunk, as `OpenAI`'s signed files do. The signature isn't real.
    pub signed: bool,
    /// Pads every PNG with an ignored chunk to about this many bytes; never makes it smaller.
    pub picture_bytes: Option<usize>,
    /// Whether models that were shut down by 2026-11-22 are refused. Otherwise all known ones work.
    pub real_world: bool,
}
