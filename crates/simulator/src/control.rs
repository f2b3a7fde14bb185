//! The simulator's own routes under `/__sim/`, for other processes.

use hyper::Method;
use serde_json::{Value, json};

use crate::{Rule, answer::Answer, shared::Shared};

/// Answers a request under `/__sim/`.
pub(crate) fn answer(method: &Method, path: &str, body: Option<&[u8]>, shared: &Shared) -> Answer {
    match (method, path) {
        (&Method::GET, "/__sim/stats") => Answer::json(200, &json!(shared.state().stats)),
        (&Method::GET, "/__sim/requests") => Answer::json(200, &json!(shared.state().requests)),
        (&Method::POST, "/__sim/rules") => add_rules(body.unwrap_or_default(), shared),
        (&Method::POST, "/__sim/reset") => {
            shared.state().rules.clear();
            shared.state().reset_stats();
            Answer::json(200, &json!({"reset": true}))
        }
        _ => refuse(
            404,
            "no such route; there are GET /__sim/stats and /__sim/requests, POST /__sim/rules and /__sim/reset",
        ),
    }
}

fn add_rules(body: &[u8], shared: &Shared) -> Answer {
    let rules: Result<Vec<Rule>, _> = serde_json::from_slice::<Value>(body).and_then(|value| match value {
        Value::Array(_) => serde_json::from_value(value),
        one => serde_json::from_value(one).map(|rule| vec![rule]),
    });
    match rules {
        Ok(rules) => {
            let added = rules.len();
            shared.state().rules.extend(rules);
            Answer::json(200, &json!({"added": added}))
        }
        Err(error) => refuse(400, &format!("that is no rule: {error}")),
    }
}

fn refuse(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({"error": message}))
}
