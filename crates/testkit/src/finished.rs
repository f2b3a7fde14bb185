//! How a program ended: its exit code and its output.

use serde_json::Value;

/// A program that has ended.
#[derive(Debug, Clone)]
#[must_use = "look at what the program did"]
pub struct Finished {
    /// The exit code; `None` if a signal killed the program.
    pub code: Option<i32>,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
}

impl Finished {
    /// Asserts the exit code.
    ///
    /// # Panics
    /// With all output, where it is another.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts exit code 0.
    ///
    /// # Panics
    /// With all output, where it is another.
    #[track_caller]
    pub fn success(self) -> Self {
        self.exits(0)
    }

    /// Asserts that stdout or stderr contains a text.
    ///
    /// # Panics
    /// With all output, where neither contains it.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        let said = self.stdout.contains(text) || self.stderr.contains(text);
        assert!(said, "'{text}' is not in\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Reads stdout as one JSON document.
    ///
    /// # Panics
    /// With all output, where it is not one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("stdout is not JSON: {error}\n{}\nstderr:\n{}", self.stdout, self.stderr),
        }
    }
}
