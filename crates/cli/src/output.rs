//! The only place that prints: text or one JSON document on stdout, all else on stderr.

use std::io::Write;
#[cfg(not(test))]
use std::io::{stderr, stdout};

use btcedu_domain::causes;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::json;

use crate::errors::CommandError;
use crate::errors::CommandResult;
use crate::errors::OrFail;
use crate::exit::ExitStatus;
#[cfg(test)]
use crate::tests::printed::{stderr, stdout};

/// How results are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Prints a result: the value as JSON, or the text made for people.
    pub(crate) fn result(self, value: &impl Serialize, text: impl FnOnce() -> String) -> CommandResult<()> {
        let text = if self.json {
            serde_json::to_string_pretty(value).or_fail(|| "the result has no form in JSON".to_owned())?
        } else {
            text()
        };
        write_out(&text);
        Ok(())
    }

    /// Prints an error with its causes to stderr; with `--json`, a document to stdout too.
    pub(crate) fn error(self, error: &CommandError) {
        let outermost = error.error.as_ref();
        let mut lines = vec![format!("error: {outermost}")];
        lines.extend(causes(outermost).iter().map(|cause| format!("  caused by: {cause}")));
        note(&lines.join("\n"));
        if self.json {
            let document = json!({"error": error.with_causes(), "exit_code": i32::from(error.status)});
            write_out(&format!("{document:#}"));
        }
    }
}

/// Prints a line for the person to stderr.
pub(crate) fn note(text: &str) {
    // A closed stderr is no reason to stop working.
    let _closed = writeln!(stderr().lock(), "{text}");
}

/// Prints text to stdout, whatever the format.
pub(crate) fn write_out(text: &str) {
    let mut out = stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    // `btcedu status | head` closes the pipe early, which is no error.
    let _closed = write!(out, "{text}{end}").and_then(|()| out.flush());
}

/// Prints what clap has to say: help to stdout, complaints to stderr; with `--json`, a document to stdout too.
pub(crate) fn print_usage_error(error: &clap::Error, json: bool) -> ExitStatus {
    #[cfg(not(test))]
    let _closed = error.print();
    #[cfg(test)]
    note(&error.to_string());
    if !error.use_stderr() {
        return ExitStatus::Done;
    }
    if json {
        let told = error.to_string();
        let document = json!({"error": told.trim(), "exit_code": i32::from(ExitStatus::Usage)});
        write_out(&format!("{document:#}"));
    }
    ExitStatus::Usage
}

/// Makes a table with a header, as wide as the terminal allows.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header.to_vec());
    // A test's tables must not depend on the terminal that it is started from.
    #[cfg(test)]
    table.force_no_tty();
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}

/// Writes a count with its noun.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
