//! How far an episode has got that was stopped.

use super::*;

fn position(status: EpisodeStatus, stopped_in: Option<Stage>) -> Position {
    Position { version: PipelineVersion::V2, status, stopped_in }
}

#[test]
fn a_capped_episode_is_in_front_of_the_stage_that_ran_last() {
    use EpisodeStatus as S;
    let rows: [(S, Option<Stage>, S, bool, bool); 8] = [
        (S::Corrected, None, S::Corrected, true, false),
        (S::Translated, None, S::Corrected, true, true),
        (S::Transcribed, None, S::Corrected, false, false),
        (S::CostLimit, Some(Stage::Translate), S::Corrected, true, false),
        (S::CostLimit, Some(Stage::Imagegen), S::Corrected, true, true),
        (S::CostLimit, Some(Stage::Correct), S::Corrected, false, false),
        (S::CostLimit, None, S::New, false, false),
        (S::Failed, Some(Stage::Imagegen), S::New, false, false),
    ];
    for (status, stopped_in, asked, reached, past) in rows {
        let position = position(status, stopped_in);
        assert_eq!(position.has_reached(asked), reached, "{position:?} {asked}");
        assert_eq!(position.is_past(asked), past, "{position:?} {asked}");
    }
}
