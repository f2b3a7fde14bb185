//! Changes, told to who looks: one task watches database and files while somebody does.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use actix_web::{Responder, web};
use actix_web_lab::sse;
use btcedu_domain::EpisodeId;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use tokio::sync::{Notify, watch};

use crate::{error::WebError, state::AppState};

/// How often the watcher looks: a person doesn't see less, and a Raspberry Pi doesn't feel it.
const BETWEEN_LOOKS: Duration = Duration::from_millis(400);
/// A line that says nothing, so that proxies keep the connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How soon a browser comes back that has lost the connection.
const COME_BACK: Duration = Duration::from_secs(2);

/// Who looks at what.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    /// The last version of each episode that somebody looks at; none is the database alone.
    watched: Mutex<HashMap<Option<EpisodeId>, watch::Sender<String>>>,
    somebody: Notify,
}

impl Hub {
    /// Begins to look.
    fn subscribe(&self, episode: Option<EpisodeId>, version: String) -> watch::Receiver<String> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = watched.entry(episode).or_insert_with(|| watch::channel(version).0);
        let receiver = sender.subscribe();
        self.somebody.notify_one();
        receiver
    }

    /// Returns what somebody looks at still.
    fn looked_at(&self) -> Vec<Option<EpisodeId>> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, sender| sender.receiver_count() > 0);
        watched.keys().cloned().collect()
    }

    fn tell(&self, episode: Option<&EpisodeId>, version: String) {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = watched.get(&episode.cloned()) {
            sender.send_if_modified(|known| {
                let is_new = *known != version;
                *known = version;
                is_new
            });
        }
    }

    /// Watches as long as the dashboard serves.
    pub(crate) async fn watch(state: web::Data<AppState>) {
        let clock = state.desk.clock().clone();
        loop {
            let looked_at = state.hub.looked_at();
            if looked_at.is_empty() {
                state.hub.somebody.notified().await;
                continue;
            }
            for episode in looked_at {
                match state.version(episode.as_ref()).await {
                    Ok(version) => state.hub.tell(episode.as_ref(), version),
                    Err(error) => tracing::debug!(%error, "changes can't be seen right now"),
                }
            }
            clock.sleep(BETWEEN_LOOKS).await;
        }
    }
}

/// What to be told of.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    episode: Option<EpisodeId>,
}

/// Tells the version at once and after each change; who was away compares it with the page's own.
pub(crate) async fn events(
    state: web::Data<AppState>,
    wanted: web::Query<Wanted>,
) -> Result<impl Responder, WebError> {
    // nginx would hold events back (nginx.org/en/docs/http/ngx_http_proxy_module.html).
    const UNBUFFERED: (&str, &str) = ("X-Accel-Buffering", "no");
    let episode = wanted.into_inner().episode;
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
    let stream = sse::Sse::from_stream(events).with_keep_alive(KEEP_ALIVE).with_retry_duration(COME_BACK);
    Ok(stream.customize().insert_header(UNBUFFERED))
}
