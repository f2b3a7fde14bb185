//! The stages through their public face: mocked providers, a real database, time that doesn't pass by itself.

#![cfg(test)]

mod edits;
mod events;
mod other_pictures;
mod prompts;
mod retries;
mod templates;
mod text_gates;
mod text_replies;
mod text_runs;
mod text_stops;
mod text_world;
mod world;
