//! Logs: for people on stderr, and the same events as JSON lines in the workspace.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use indicatif::MultiProgress;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, fmt, fmt::MakeWriter, layer::SubscriberExt, util::SubscriberInitExt};

/// Starts logging. The file is made when the first event comes, so quiet commands leave none.
pub(crate) fn start(level: LevelFilter, bars: &MultiProgress, file: Option<PathBuf>) {
    let people = fmt::layer()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(AboveBars(bars.clone()))
        .with_filter(level);
    let lines = file.map(|path| fmt::layer().json().with_writer(LazyFile::new(path)).with_filter(level));
    // A second start in one process is a test's; the first stays.
    let _already = tracing_subscriber::registry().with(people).with(lines).try_init();
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

/// A file that is opened for appending when something is written.
#[derive(Clone)]
struct LazyFile {
    path: PathBuf,
    file: Arc<Mutex<Option<File>>>,
}

impl LazyFile {
    fn new(path: PathBuf) -> Self {
        Self { path, file: Arc::default() }
    }
}

impl Write for LazyFile {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            *slot = Some(OpenOptions::new().create(true).append(true).open(&self.path)?);
        }
        match slot.as_mut() {
            Some(file) => file.write(text),
            None => Ok(text.len()),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LazyFile {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}
