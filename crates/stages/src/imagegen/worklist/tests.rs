//! The specification's decision table, row by row, and what must hold for any episode.

mod clock;
mod properties;
mod scene;
mod table;
mod whose;
