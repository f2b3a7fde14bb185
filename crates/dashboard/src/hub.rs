//! Which episodes are being looked at, and the last version of each that was seen.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use btcedu_domain::EpisodeId;
use tokio::sync::{Notify, watch};

/// What a visitor follows: an episode with its files, or the database alone.
pub(crate) type Followed = Option<EpisodeId>;

/// Tells the open pages of each change.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    /// The last version of each thing that is followed.
    followed: Mutex<HashMap<Followed, watch::Sender<String>>>,
    has_followers: Notify,
}

impl Hub {
    /// Begins to follow; what the receiver has first is the version that is known already, or this one.
    pub(crate) fn subscribe(&self, what: Followed, version: String) -> watch::Receiver<String> {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = followed.entry(what).or_insert_with(|| watch::channel(version).0);
        let receiver = sender.subscribe();
        self.has_followers.notify_one();
        receiver
    }

    /// Returns what is followed, and forgets what is no longer.
    pub(crate) fn followed(&self) -> Vec<Followed> {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        followed.retain(|_, sender| sender.receiver_count() > 0);
        followed.keys().cloned().collect()
    }

    /// Waits until a visitor begins to follow something.
    pub(crate) async fn wait_for_followers(&self) {
        self.has_followers.notified().await;
    }

    /// Tells the followers of a new version; nothing happens where it is the one they know.
    pub(crate) fn publish(&self, what: &Followed, version: String) {
        let followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = followed.get(what) {
            sender.send_if_modified(|known| {
                let is_new = *known != version;
                *known = version;
                is_new
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn followers_hear_of_new_versions_of_what_they_follow_only() {
        let hub = Hub::default();
        let ep1: Followed = Some("ep1".parse().unwrap());
        let mut episode = hub.subscribe(ep1.clone(), "1".to_owned());
        let mut database = hub.subscribe(None, "1".to_owned());
        hub.publish(&ep1, "1".to_owned());
        assert!(!episode.has_changed().unwrap());
        hub.publish(&ep1, "2".to_owned());
        assert_eq!(*episode.borrow_and_update(), "2");
        assert!(!database.has_changed().unwrap());
        assert_eq!(*database.borrow_and_update(), "1");
        drop(episode);
        assert_eq!(hub.followed(), [None]);
    }
}
