//! The `OpenAPI` document of `/api/v1`, from the handlers themselves.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{OpenApi, ToSchema};

use crate::{
    answer::{Body, Freshness, JSON},
    pages::{chapters, costs, episode, episodes, images, prompt, prompts, review, reviews, text},
    views::error::ErrorView,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "btcedu dashboard",
        description = "What the dashboard's pages show, for programs. Reading only: reviews are decided on the pages, or with `btcedu review`. Addresses in answers are below the dashboard's base path."
    ),
    paths(
        episodes::api,
        episode::api,
        text::api,
        chapters::api,
        images::api,
        reviews::api,
        review::api,
        prompts::api,
        prompt::api,
        costs::api,
    ),
    components(schemas(ErrorBody))
)]
struct Document;

/// What every answer with an error holds.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// The error.
    error: ErrorView,
}

/// Returns the document as JSON, indented, with a line break at the end.
pub fn openapi_json() -> String {
    let document = serde_json::to_value(Document::openapi()).map(complete).unwrap_or_default();
    format!("{document:#}\n")
}

/// Adds what holds everywhere: errors, how to sign in, and that every key is always there.
fn complete(mut document: Value) -> Value {
    let error = json!({
        "description": "Why not: 400 or 422 for words that can't be read, 401 without signing in, 404, 405, 421 for a foreign host name, 429 for too many tries, 500 with an id that the log has too",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}
    });
    let operations = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, path) in operations {
        if let Some(responses) = path.pointer_mut("/get/responses").and_then(Value::as_object_mut) {
            responses.retain(|status, _| status == "200");
            responses.insert("default".to_owned(), error.clone());
        }
    }
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (_, schema) in schemas.into_iter().flatten() {
        let names = schema
            .get("properties")
            .and_then(Value::as_object)
            .map(|all| all.keys().cloned().map(Value::from).collect::<Vec<_>>());
        if let (Some(names), Some(schema)) = (names, schema.as_object_mut()) {
            schema.insert("required".to_owned(), Value::Array(names));
        }
    }
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components
            .insert("securitySchemes".to_owned(), json!({"password": {"type": "http", "scheme": "basic"}}));
    }
    if let Some(document) = document.as_object_mut() {
        // Where DASHBOARD_AUTH is unset, no password is needed.
        document.insert("security".to_owned(), json!([{"password": []}, {}]));
    }
    document
}

/// Answers with the document.
pub(crate) async fn document(request: HttpRequest) -> HttpResponse {
    Body::new(openapi_json().into(), JSON).respond(&request, Freshness::AskAgain)
}
