//! What only translate knows, in the shape it had before there was a frame; the adapter puts it on the frame.

use btcedu_domain::Stage;

use crate::{
    sources::Sources,
    spec::{Job, Made, StageSpec},
    translate::Translating,
};

/// How a text stage cuts, reads and puts together.
pub(crate) trait Craft: Send + Sync {
    /// Cuts the work into calls.
    fn jobs(&self, sources: &Sources) -> Vec<Job>;
    /// Takes out of a reply what the stage wants, or says why that can't be used.
    fn read(&self, job: &Job, reply: &str) -> Result<String, String>;
    /// Puts together what was read from the replies, one per job.
    fn assemble(&self, sources: &Sources, pieces: &[String]) -> Result<Made, String>;
}

/// A craft on the frame.
pub(crate) struct OnTheFrame(pub(crate) Translating);

impl StageSpec for OnTheFrame {
    fn name(&self) -> Stage {
        Stage::Translate
    }

    fn template(&self) -> &'static str {
        "translate"
    }

    fn jobs(&self, sources: &Sources) -> Vec<Job> {
        self.0.jobs(sources)
    }

    fn read(&self, job: &Job, reply: &str) -> Result<String, String> {
        self.0.read(job, reply)
    }

    fn assemble(&self, sources: &Sources, pieces: &[String]) -> Result<Made, String> {
        self.0.assemble(sources, pieces)
    }
}
