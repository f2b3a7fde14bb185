//! Changes, told to open pages: one task looks at database and files while a page is open.

use std::{convert::Infallible, time::Duration};

use actix_web::{Responder, web};
use actix_web_lab::sse;
use btcedu_domain::EpisodeId;
use futures_util::{StreamExt, stream};
use serde::Deserialize;

use crate::{error::WebError, state::AppState};

/// How often the task looks: soon enough for a person, and seldom enough for a Raspberry Pi.
const BETWEEN_LOOKS: Duration = Duration::from_millis(400);
/// After so long a line without content is sent, so that proxies keep the connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How soon a browser connects again that has lost the connection.
const RETRY: Duration = Duration::from_secs(2);

/// What to follow: an episode with its files, or the database alone.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    episode: Option<EpisodeId>,
}

/// Sends the version at once and after each change; a page that lost the connection compares it with its own.
pub(crate) async fn get(
    state: web::Data<AppState>,
    asked: web::Query<Asked>,
) -> Result<impl Responder, WebError> {
    // nginx would hold events back (nginx.org/en/docs/http/ngx_http_proxy_module.html).
    const UNBUFFERED: (&str, &str) = ("X-Accel-Buffering", "no");
    let episode = asked.into_inner().episode;
    let version = state.version(episode.as_ref()).await?;
    let receiver = state.hub.subscribe(episode, version);
    let versions = stream::unfold((receiver, true), |(mut receiver, is_first)| async move {
        if !is_first {
            receiver.changed().await.ok()?;
        }
        let version = receiver.borrow_and_update().clone();
        Some((version, (receiver, false)))
    });
    let events = versions.map(|version| {
        let data = sse::Data::new(version.clone()).id(version);
        Ok::<_, Infallible>(sse::Event::Data(data))
    });
    let stream = sse::Sse::from_stream(events).with_keep_alive(KEEP_ALIVE).with_retry_duration(RETRY);
    Ok(stream.customize().insert_header(UNBUFFERED))
}

/// Looks for changes as long as the dashboard serves.
pub(crate) async fn watch(state: web::Data<AppState>) {
    let clock = state.desk.clock().clone();
    loop {
        let followed = state.hub.followed();
        if followed.is_empty() {
            state.hub.wait_for_followers().await;
            continue;
        }
        for what in followed {
            match state.version(what.as_ref()).await {
                Ok(version) => state.hub.publish(&what, version),
                Err(error) => tracing::debug!(%error, "changes can't be seen right now"),
            }
        }
        clock.sleep(BETWEEN_LOOKS).await;
    }
}
