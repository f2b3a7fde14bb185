//! Handlers over a desk on a temporary folder, with a real database and no network.

mod access;
mod answers;
mod caching;
mod faults;
mod hops;
mod pages;
mod pictures;
mod prompts;
mod reviews;
mod saved_texts;
mod world;
