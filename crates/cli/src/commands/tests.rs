//! What commands say and how they end, as far as no provider is needed.

mod adding;
mod looking;
mod refusals;
mod rendered;
mod usage;
