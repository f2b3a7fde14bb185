//! Whether everything that pages need is there: for monitors.

use actix_web::{HttpResponse, http::StatusCode, web};
use btcedu_artifacts::free_bytes;
use btcedu_models::episodes;
use serde_json::json;

use crate::state::AppState;

/// Answers 200 where database and workspace can be used, else 503 and which of them can't.
pub(crate) async fn get(state: web::Data<AppState>) -> HttpResponse {
    let root = state.desk.data().root().to_owned();
    let counted = state.desk.db().run(episodes::count_by_status).await.map(drop).map_err(|e| e.to_string());
    // A file that was taken away is still open here.
    let database = if state.desk.db().exists() { counted } else { Err("the file is gone".to_owned()) };
    let folder = match btcedu_pictures::offload(move || free_bytes(&root)).await {
        Ok(Ok(0)) => Err("there is no room left".to_owned()),
        Ok(asked) => asked.map(drop).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    // Paths and causes are for the log: whoever asks has not signed in.
    for (part, outcome) in [("database", &database), ("workspace", &folder)] {
        if let Err(problem) = outcome {
            tracing::warn!(part, problem, "the health check has failed");
        }
    }
    let word = |is_well: bool| if is_well { "ok" } else { "failed" };
    let is_well = database.is_ok() && folder.is_ok();
    let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(status).json(json!({
        "status": word(is_well),
        "database": word(database.is_ok()),
        "workspace": word(folder.is_ok()),
    }))
}
