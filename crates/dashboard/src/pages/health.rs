//! Whether everything that pages need is there: for monitors.

use actix_web::{HttpResponse, http::StatusCode, web};
use btcedu_artifacts::free_bytes;
use btcedu_models::episodes;
use serde_json::json;

use crate::{
    error::WebError,
    state::{AppState, Reader},
};

/// What the check has found; an error says what is wrong.
struct Health {
    database: Result<(), String>,
    workspace: Result<(), String>,
}

impl Health {
    fn check(reader: &Reader) -> Self {
        let counted = reader.rows(episodes::count_by_status).map(drop);
        let database = match counted {
            // A file that was taken away is still open here.
            Ok(()) if !reader.db.exists() => Err("the file is gone".to_owned()),
            Ok(()) => Ok(()),
            Err(WebError::Internal(cause)) => Err(cause.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let workspace = match free_bytes(reader.data.root()) {
            Ok(0) => Err("there is no room left".to_owned()),
            Ok(_bytes) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        Self { database, workspace }
    }
}

/// Answers 200 where database and workspace can be used, else 503 and which of them can't.
pub(crate) async fn get(state: web::Data<AppState>) -> HttpResponse {
    let checked = state.read(|reader| Ok(Health::check(reader))).await;
    let Health { database, workspace } = checked.unwrap_or_else(|error| {
        let problem = Err(error.to_string());
        Health { database: problem.clone(), workspace: problem }
    });
    // Paths and causes are for the log, since visitors of this page have not signed in.
    for (part, outcome) in [("database", &database), ("workspace", &workspace)] {
        if let Err(problem) = outcome {
            tracing::warn!(part, problem, "the health check has failed");
        }
    }
    let word = |is_well: bool| if is_well { "ok" } else { "failed" };
    let is_well = database.is_ok() && workspace.is_ok();
    let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(status).json(json!({
        "status": word(is_well),
        "database": word(database.is_ok()),
        "workspace": word(workspace.is_ok()),
    }))
}
