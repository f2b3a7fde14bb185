//! Prints the JSON Schema of chapters.json; `cargo xtask generate` writes it to its file.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(btcedu_chapters::json_schema().as_bytes())
}
