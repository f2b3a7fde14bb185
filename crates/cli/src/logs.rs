//! Logs: text on stderr, and the same events as JSON lines in `logs/btcedu.DATE.jsonl` of the workspace.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use indicatif::MultiProgress;
use tracing::level_filters::LevelFilter;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::{Layer, fmt, fmt::MakeWriter, layer::SubscriberExt, util::SubscriberInitExt};

/// Log files that are kept, one a day.
const MAX_FILES: usize = 30;

/// Starts logging. A log file is made when the first event comes, so a command without events leaves none.
pub(crate) fn start(level: LevelFilter, bars: &MultiProgress, folder: PathBuf) {
    let text = fmt::layer()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(AboveBars(bars.clone()))
        .with_filter(level);
    let lines = fmt::layer().json().with_writer(DailyFiles::new(folder)).with_filter(level);
    // Only tests start it twice in one process; the first one stays.
    let _already = tracing_subscriber::registry().with(text).with(lines).try_init();
}

/// Writes to stderr without tearing progress bars.
#[derive(Clone)]
struct AboveBars(MultiProgress);

impl Write for AboveBars {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(text))
    }
    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for AboveBars {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The log files, of which the first is opened when something is written.
#[derive(Clone)]
struct DailyFiles {
    folder: PathBuf,
    opened: Arc<Mutex<Option<RollingFileAppender>>>,
}

impl DailyFiles {
    fn new(folder: PathBuf) -> Self {
        Self { folder, opened: Arc::default() }
    }
}

/// Opens `btcedu.DATE.jsonl`, DATE in UTC, and deletes the oldest files above [`MAX_FILES`].
fn open(folder: &Path) -> io::Result<RollingFileAppender> {
    // The appender would complain on stderr where there is no folder.
    std::fs::create_dir_all(folder)?;
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("btcedu")
        .filename_suffix("jsonl")
        .max_log_files(MAX_FILES)
        .build(folder)
        .map_err(io::Error::other)
}

/// The subscriber ignores errors from here: a full disk or a read-only folder must not stop a command.
impl Write for DailyFiles {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        match opened.as_mut() {
            Some(files) => files.write(text),
            None => opened.insert(open(&self.folder)?).write(text),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for DailyFiles {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn lines_go_to_the_file_of_the_day_which_is_made_with_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        let mut files = DailyFiles::new(logs.clone());
        assert!(!logs.exists());
        for line in ["{}\n", "[]\n"] {
            // Each event gets a writer of its own; another run appends.
            files.make_writer().write_all(line.as_bytes()).unwrap();
            files = DailyFiles::new(logs.clone());
        }
        let [name] = names(&logs).try_into().unwrap();
        let date = name.strip_prefix("btcedu.").and_then(|rest| rest.strip_suffix(".jsonl")).unwrap();
        date.parse::<jiff::civil::Date>().unwrap();
        assert_eq!(fs::read_to_string(logs.join(name)).unwrap(), "{}\n[]\n");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "files of a test, in a folder of its own")]
    fn old_files_are_deleted_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        for day in 1..=28 {
            for month in [1, 2] {
                fs::write(folder.path().join(format!("btcedu.2026-{month:02}-{day:02}.jsonl")), "").unwrap();
            }
        }
        fs::write(folder.path().join("notes.txt"), "").unwrap();
        DailyFiles::new(folder.path().to_owned()).write_all(b"{}\n").unwrap();
        let left = names(folder.path());
        assert_eq!(left.len(), MAX_FILES + 1);
        assert!(left.contains(&"notes.txt".to_owned()));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a file of a test, in a folder of its own")]
    fn a_folder_that_cannot_be_made_is_an_error_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        fs::write(&logs, "a file stands here").unwrap();
        let mut files = DailyFiles::new(logs.clone());
        files.write_all(b"{}\n").unwrap_err();
        fs::remove_file(&logs).unwrap();
        files.write_all(b"{}\n").unwrap();
    }
}
