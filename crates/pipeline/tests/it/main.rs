//! The pipeline through its public face: services that are mocks, a real database, a folder of its own per test.

#![cfg(test)]

mod desk;
mod ends;
mod lists;
mod next;
mod refresh;
mod reviews;
mod runs;
mod text_changes;
mod world;
