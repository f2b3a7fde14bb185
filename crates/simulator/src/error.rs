//! The simulator's own errors; the faults that it simulates are in `script`.

/// Why a simulator can't start or can't draw.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The port is taken, or the system gives none.
    #[error("can't listen on 127.0.0.1:{port}; choose another port, or 0 for any free one")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A picture could not be drawn or packed.
    #[error("can't draw a picture of {width}x{height} pixels; ask for 1 to 8192 on each side")]
    Draw {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// What the drawing library said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
