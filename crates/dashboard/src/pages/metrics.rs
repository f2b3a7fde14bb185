//! Figures for Prometheus.

use actix_web::{HttpResponse, http::header, web};

use crate::{error::WebError, metrics::Figures, state::AppState};

/// Answers with all figures as text.
pub(crate) async fn get(state: web::Data<AppState>) -> Result<HttpResponse, WebError> {
    let figures = state.desk.db().run(Figures::load).await?;
    let text = state.metrics.render(&figures);
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4")).body(text))
}
