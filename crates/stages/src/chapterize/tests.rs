//! How a script is cut into calls, and which scripts are refused.

use super::*;

fn sources(script: &str) -> Sources {
    let episode = "ep1".parse().unwrap();
    Sources { episode, title: String::new(), texts: vec![script.to_owned()], feedback: None }
}

#[test]
fn no_tag_is_cut_in_two_however_long_a_paragraph_is() {
    let sentence = "Bir blok gelir. [T1: legal_removal: \"Erst so. Dann so. Am Ende so.\" → \"\"] ";
    let script = sentence.repeat(SCRIPT_CHARS / 10);
    let jobs = Chapterizing.jobs(&sources(&script));
    assert!(jobs.len() > 1);
    assert!(jobs.iter().all(|job| !job.source.contains(['[', ']', '"'])));
    let words: usize = jobs.iter().map(|job| job.source.split_whitespace().count()).sum();
    assert_eq!(words, 3 * (SCRIPT_CHARS / 10), "nothing else is lost");
}

#[test]
fn a_script_that_cant_be_divided_is_told_before_anything_is_sent() {
    for (script, told) in [
        ("Bir blok. [T2: açık", Some("not closed")),
        ("[T1: a] [kaldırıldı: b]\n", Some("nothing to say")),
        ("Bir blok. [T2: kapalı]", None),
    ] {
        let problem = Chapterizing.problem(&sources(script));
        assert_eq!(problem.is_some(), told.is_some(), "{script}");
        assert!(problem.unwrap_or_default().contains(told.unwrap_or_default()));
    }
}
