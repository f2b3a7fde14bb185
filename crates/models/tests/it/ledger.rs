//! Money is added up from the ledger, and every sum agrees with every other.

use btcedu_domain::{CallId, CallKind, CallState, EpisodeStatus, Stage, Usd, UtcTime};
use btcedu_models::{
    DbError,
    episodes::Episode,
    pipeline_runs,
    provider_calls::{self, CostGrouping, NewCall, Settlement},
    testing,
};
use diesel::connection::SimpleConnection;
use proptest::prelude::*;

use crate::{Fixture, fixture, time};

fn end(state: CallState, actual: Option<i64>) -> Settlement<'static> {
    Settlement {
        state,
        actual: actual.map(Usd::from_micros),
        tokens_in: Some(100),
        tokens_out: Some(7),
        reply: None,
        request_id: Some("req_1"),
        error: None,
        settled_at: time("2026-11-22T10:31:00Z"),
    }
}

/// Writes down a call and, unless it stays `sent`, how it ended.
fn settled(fixture: &Fixture, new: &NewCall<'_>, end: Option<&Settlement<'_>>) -> CallId {
    fixture.run(|conn| {
        provider_calls::insert(conn, new)?;
        end.map_or(Ok(()), |end| provider_calls::set_settled(conn, new.call_id, end))?;
        Ok(new.call_id)
    })
}

fn image(episode: &Episode, estimated: i64) -> NewCall<'static> {
    testing::new_call(episode, None, CallKind::Image, "gpt-image-1.5", Usd::from_micros(estimated))
}

fn cost(fixture: &Fixture, episode: &Episode) -> i64 {
    fixture.run(|conn| provider_calls::episode_cost(conn, episode.id)).micros()
}

#[test]
fn calls_are_listed_by_the_order_of_their_runs_since_a_clock_may_be_set_back() {
    let fixture = fixture();
    let episode = fixture.episode("abc123", EpisodeStatus::Chapterized);
    let run = || Some(fixture.run(|conn| Ok(testing::pipeline_run(conn, &episode, Stage::Correct))));
    let sent = |run_id, at| {
        let new = NewCall { run_id, sent_at: time(at), ..image(&episode, 1) };
        settled(&fixture, &new, None)
    };
    let (first, second) = (run(), run());
    let calls = [
        sent(None, "2026-11-22T12:00:00Z"),
        sent(first, "2026-11-22T11:00:00Z"),
        sent(first, "2026-11-22T11:30:00Z"),
        sent(second, "2026-11-22T09:30:00Z"),
    ];
    let listed = fixture.run(|conn| provider_calls::list_for_episode(conn, episode.id));
    assert_eq!(listed.iter().map(|call| call.call_id).collect::<Vec<_>>(), calls);
}

#[test]
fn a_call_is_sent_and_then_settled_once_with_all_that_is_known() {
    let fixture = fixture();
    let episode = fixture.episode("abc123", EpisodeStatus::Chapterized);
    let chapter = "ch02".parse().unwrap();
    let new = NewCall { chapter_id: Some(&chapter), ..image(&episode, 80_000) };
    settled(&fixture, &new, None);
    let sent = fixture.run(|conn| provider_calls::find(conn, new.call_id)).unwrap();
    assert_eq!((sent.state, sent.actual, sent.settled_at), (CallState::Sent, None, None));
    assert_eq!((sent.chapter_id.as_ref(), sent.request_hash), (Some(&chapter), new.request_hash));

    let refusal = Settlement { reply: Some("no"), error: Some("policy"), ..end(CallState::Refused, Some(5)) };
    fixture.run(|conn| provider_calls::set_settled(conn, new.call_id, &refusal));
    let all = fixture.run(|conn| provider_calls::list_for_episode(conn, episode.id));
    assert_eq!(all.len(), 1);
    assert_eq!(
        (all[0].state, all[0].actual, all[0].tokens_in, all[0].tokens_out, all[0].settled_at),
        (CallState::Refused, Some(Usd::from_micros(5)), Some(100), Some(7), Some(refusal.settled_at))
    );
    assert_eq!(
        (all[0].reply.as_deref(), all[0].request_id.as_deref(), all[0].error.as_deref()),
        (Some("no"), Some("req_1"), Some("policy"))
    );

    let unknown = CallId::new();
    let error =
        testing::run(&fixture.db, |conn| provider_calls::set_settled(conn, unknown, &refusal)).unwrap_err();
    assert!(error.to_string().contains(&unknown.to_string()), "{error}");
    let twice = testing::run(&fixture.db, |conn| provider_calls::insert(conn, &new)).unwrap_err();
    assert!(matches!(twice, DbError::Duplicate { .. }), "{twice:?}");
}

#[test]
fn each_state_counts_as_the_cap_demands() {
    for (state, actual, counted) in [
        (None, None, 80),
        (Some(CallState::Unknown), None, 80),
        (Some(CallState::Unknown), Some(1), 80),
        (Some(CallState::Answered), Some(75), 75),
        (Some(CallState::Answered), None, 80),
        (Some(CallState::Refused), Some(3), 3),
        (Some(CallState::Refused), None, 0),
        (Some(CallState::Failed), Some(2), 2),
        (Some(CallState::Failed), None, 0),
    ] {
        let fixture = fixture();
        let episode = fixture.episode("abc123", EpisodeStatus::Chapterized);
        assert_eq!(cost(&fixture, &episode), 0);
        let end = state.map(|state| end(state, actual));
        settled(&fixture, &image(&episode, 80), end.as_ref());
        assert_eq!(cost(&fixture, &episode), counted, "{state:?} {actual:?}");
    }
}

#[test]
fn runs_from_before_the_ledger_count_and_runs_with_rows_count_by_their_rows() {
    let fixture = fixture();
    let episode = fixture.episode("abc123", EpisodeStatus::Chapterized);
    let other = fixture.episode("other", EpisodeStatus::Chapterized);
    let (old, new) = fixture.run(|conn| {
        testing::pipeline_run(conn, &other, Stage::Adapt);
        let old = testing::pipeline_run(conn, &episode, Stage::Adapt);
        Ok((old, testing::pipeline_run(conn, &episode, Stage::Imagegen)))
    });
    fixture.run(|conn| Ok(conn.batch_execute("UPDATE pipeline_runs SET estimated_cost_usd = 0.0414")?));
    assert_eq!(cost(&fixture, &episode), 2 * 41_400);
    let call = NewCall { run_id: Some(new), ..image(&episode, 80_000) };
    settled(&fixture, &call, Some(&end(CallState::Answered, Some(75_000))));
    assert_eq!(cost(&fixture, &episode), 41_400 + 75_000);
    assert_eq!(cost(&fixture, &other), 41_400);

    fixture.run(|conn| pipeline_runs::set_totals_from_ledger(conn, new));
    let run = fixture.run(|conn| pipeline_runs::find(conn, new)).unwrap();
    assert_eq!(
        (run.estimated_cost_usd, run.input_tokens, run.output_tokens),
        (Usd::from_micros(75_000), 100, 7)
    );
    let by_model =
        fixture.run(|conn| provider_calls::list_costs(conn, CostGrouping::Model, Some(episode.id)));
    let lines: Vec<_> = by_model.iter().map(|row| (row.key.as_str(), row.calls, row.cost.micros())).collect();
    assert_eq!(lines, [("(before the ledger)", 0, 41_400), ("gpt-image-1.5", 1, 75_000)]);
    assert!(
        testing::run(&fixture.db, |conn| {
            pipeline_runs::set_totals_from_ledger(conn, btcedu_domain::RunId(99))
        })
        .is_err()
    );
    assert_eq!(
        fixture.run(|conn| pipeline_runs::find(conn, old)).unwrap().estimated_cost_usd.to_string(),
        "$0.0414"
    );
}

#[test]
fn costs_are_grouped_by_stage_month_model_and_episode() {
    let fixture = fixture();
    let one = fixture.episode("one", EpisodeStatus::Chapterized);
    let two = fixture.episode("two", EpisodeStatus::Chapterized);
    let text = NewCall {
        stage: Stage::Adapt,
        kind: CallKind::Text,
        model: "claude",
        sent_at: time("2026-10-31T23:59:59.999Z"),
        ..image(&one, 50)
    };
    settled(&fixture, &text, Some(&end(CallState::Answered, Some(40))));
    settled(&fixture, &image(&one, 80), Some(&end(CallState::Refused, Some(0))));
    settled(&fixture, &image(&two, 80), Some(&end(CallState::Unknown, None)));
    settled(&fixture, &image(&two, 80), None);
    settled(&fixture, &image(&two, 80), Some(&end(CallState::Failed, None)));
    let lines = |grouping, episode| {
        let rows = fixture.run(|conn| provider_calls::list_costs(conn, grouping, episode));
        rows.iter()
            .map(|r| {
                let cost = (r.cost.micros(), r.unknown_cost.micros());
                format!(
                    "{} {}={}+{}+{}+{} {cost:?}",
                    r.key, r.calls, r.answered, r.refused, r.failed, r.unknown
                )
            })
            .collect::<Vec<_>>()
    };
    let images = "4=0+1+1+2 (160, 160)";
    let texts = "1=1+0+0+0 (40, 0)";
    assert_eq!(lines(CostGrouping::Stage, None), [format!("adapt {texts}"), format!("imagegen {images}")]);
    assert_eq!(lines(CostGrouping::Month, None), [format!("2026-10 {texts}"), format!("2026-11 {images}")]);
    assert_eq!(
        lines(CostGrouping::Model, None),
        [format!("claude {texts}"), format!("gpt-image-1.5 {images}")]
    );
    assert_eq!(lines(CostGrouping::Episode, None), ["one 2=1+1+0+0 (40, 0)", "two 3=0+0+1+2 (160, 160)"]);
    assert_eq!(lines(CostGrouping::Episode, Some(one.id)), ["one 2=1+1+0+0 (40, 0)"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn cap_runs_and_reports_agree_to_the_micro_dollar(
        calls in prop::collection::vec((0usize..5, 0i64..10_000_000, prop::option::of(0i64..10_000_000), any::<bool>()), 0..20)
    ) {
        let fixture = fixture();
        let episode = fixture.episode("abc123", EpisodeStatus::Chapterized);
        let run = fixture.run(|conn| Ok(testing::pipeline_run(conn, &episode, Stage::Imagegen)));
        let (mut all, mut of_run) = (0, 0);
        for &(state, estimated, actual, in_run) in &calls {
            let state = CallState::ALL[state];
            let new = NewCall { run_id: in_run.then_some(run), ..image(&episode, estimated) };
            let end = end(state, actual);
            settled(&fixture, &new, (state != CallState::Sent).then_some(&end));
            let counted = match state {
                CallState::Sent | CallState::Unknown => estimated,
                CallState::Answered => actual.unwrap_or(estimated),
                CallState::Refused | CallState::Failed => actual.unwrap_or(0),
            };
            all += counted;
            of_run += if in_run { counted } else { 0 };
        }
        prop_assert_eq!(cost(&fixture, &episode), all);
        fixture.run(|conn| pipeline_runs::set_totals_from_ledger(conn, run));
        let row = fixture.run(|conn| pipeline_runs::find(conn, run)).unwrap();
        prop_assert_eq!(row.estimated_cost_usd.micros(), of_run);
        for grouping in [CostGrouping::Stage, CostGrouping::Month, CostGrouping::Model, CostGrouping::Episode] {
            let rows = fixture.run(|conn| provider_calls::list_costs(conn, grouping, None));
            prop_assert_eq!(rows.iter().map(|row| row.cost.micros()).sum::<i64>(), all);
            prop_assert_eq!(rows.iter().map(|row| row.calls).sum::<i64>(), i64::try_from(calls.len()).unwrap());
        }
        let _: UtcTime = row.started_at;
    }
}
