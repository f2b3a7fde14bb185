//! The image stage through its public face: mocked providers, a real database, time that doesn't pass by itself.

#![cfg(test)]

mod events;
mod prompts;
mod retries;
mod world;
