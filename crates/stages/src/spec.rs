//! What is different between the text stages: one [`StageSpec`] each, all of it pure.

pub(crate) mod answer;

use btcedu_domain::Stage;
use serde_json::Value;

use crate::sources::Sources;

/// One call's share of the work: what its template is given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Job {
    /// The part of the source that it is about.
    pub(crate) source: String,
    pub(crate) variables: Vec<(&'static str, String)>,
    /// The JSON Schema that the answer must keep.
    pub(crate) schema: Option<Value>,
}

/// What a stage has made of all replies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Made {
    pub(crate) output: String,
    /// What a person should know.
    pub(crate) warnings: Vec<String>,
}

/// A text stage: how a text is cut into calls, what is read from a reply, what the reviewer is shown.
pub(crate) trait StageSpec: Send + Sync {
    /// Returns which stage it is; what it reads and writes follows from that.
    fn name(&self) -> Stage;

    /// Returns the name of its template.
    fn template(&self) -> &'static str;

    /// Tells what is wrong with a text that can't be worked on, before anything is sent.
    fn problem(&self, _sources: &Sources) -> Option<&'static str> {
        None
    }

    /// Cuts the work into calls.
    fn jobs(&self, sources: &Sources) -> Vec<Job>;

    /// Takes out of a reply what the stage wants, or says why that can't be used.
    fn read(&self, job: &Job, reply: &str) -> Result<String, String>;

    /// Makes a second job that has an unusable reply mended, where the stage tries that.
    fn second_try(&self, _job: &Job, _reply: &str, _problem: &str) -> Option<Job> {
        None
    }

    /// Puts together what was read from the replies, one per job.
    fn assemble(&self, sources: &Sources, pieces: &[String]) -> Result<Made, String>;

    /// Makes the diff for the reviewer, from the output as it is on the disk.
    fn diff(&self, _sources: &Sources, _output: &str) -> Option<Value> {
        None
    }

    /// Tells why the change needs no reviewer, where it needs none.
    fn is_trivial(&self, _sources: &Sources, _output: &str) -> Option<String> {
        None
    }
}
