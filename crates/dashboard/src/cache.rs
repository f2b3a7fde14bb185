//! Pages as they were made, kept as long as what they show has not changed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::answer::Body;

/// What all kept pages may take together, in bytes.
const MAX_BYTES: usize = 6 * 1024 * 1024;
/// A longer address is nobody's bookmark.
const MAX_KEY: usize = 512;

/// Pages by address.
#[derive(Debug, Default)]
pub(crate) struct PageCache {
    kept: Mutex<Kept>,
    /// Who makes which page right now.
    makers: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Debug, Default)]
struct Kept {
    pages: HashMap<String, Entry>,
    bytes: usize,
    /// Counts uses, to know which page was used last.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    version: String,
    body: Body,
    used: u64,
}

impl PageCache {
    /// Returns a page that shows this version, or makes it: once, however many ask for it at the same time.
    pub(crate) async fn get_or_make<E>(
        &self,
        key: &str,
        version: &str,
        make: impl AsyncFnOnce() -> Result<Body, E>,
    ) -> Result<Body, E> {
        if let Some(body) = self.get(key, version) {
            return Ok(body);
        }
        let place = {
            let mut makers = self.makers.lock().unwrap_or_else(PoisonError::into_inner);
            makers.retain(|_, place| Arc::strong_count(place) > 1);
            makers.entry(key.to_owned()).or_default().clone()
        };
        let _turn = place.lock().await;
        if let Some(body) = self.get(key, version) {
            return Ok(body);
        }
        let body = make().await?;
        self.put(key, version, &body);
        Ok(body)
    }

    /// Returns a page if it shows this version.
    fn get(&self, key: &str, version: &str) -> Option<Body> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let used = kept.clock;
        let entry = kept.pages.get_mut(key).filter(|entry| entry.version == version)?;
        entry.used = used;
        Some(entry.body.clone())
    }

    /// Keeps a page; those that were not used for longest go where it gets too many.
    fn put(&self, key: &str, version: &str, body: &Body) {
        let size = body.size() + key.len();
        if key.len() > MAX_KEY || size > MAX_BYTES / 4 {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(key);
        while kept.bytes + size > MAX_BYTES {
            let Some(oldest) =
                kept.pages.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone())
            else {
                break;
            };
            kept.remove(&oldest);
        }
        kept.clock += 1;
        let entry = Entry { version: version.to_owned(), body: body.clone(), used: kept.clock };
        kept.bytes += size;
        kept.pages.insert(key.to_owned(), entry);
    }
}

impl Kept {
    fn remove(&mut self, key: &str) {
        if let Some(old) = self.pages.remove(key) {
            self.bytes -= old.body.size() + key.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::HTML;

    fn body(bytes: usize) -> Body {
        // Bytes that don't compress: Knuth's random numbers.
        let next = |n: &u64| Some(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let numbers = std::iter::successors(Some(1_u64), next).take(bytes);
        let text: Vec<u8> = numbers.map(|n| n.to_be_bytes()[0]).collect();
        Body::new(text.into(), HTML)
    }

    #[test]
    fn a_page_of_another_version_is_not_shown() {
        let cache = PageCache::default();
        cache.put("/", "1", &body(10));
        assert!(cache.get("/", "1").is_some());
        assert!(cache.get("/", "2").is_none());
        assert!(cache.get("/costs", "1").is_none());
        cache.put("/", "2", &body(20));
        assert!(cache.get("/", "1").is_none() && cache.get("/", "2").is_some());
    }

    #[tokio::test]
    async fn a_page_that_many_ask_for_is_made_once() {
        let (cache, made) = (PageCache::default(), std::sync::atomic::AtomicUsize::new(0));
        let ask = async |version: &str| {
            let make = async || {
                made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok::<_, ()>(body(10))
            };
            cache.get_or_make("/", version, make).await.unwrap()
        };
        let _all = tokio::join!(ask("1"), ask("1"), ask("1"));
        assert_eq!(made.load(std::sync::atomic::Ordering::Relaxed), 1);
        let _again = tokio::join!(ask("1"), ask("2"), ask("2"));
        assert_eq!(made.load(std::sync::atomic::Ordering::Relaxed), 2);
        let failed: Result<Body, &str> = cache.get_or_make("/x", "1", async || Err("no")).await;
        assert_eq!(failed.unwrap_err(), "no");
        assert!(cache.get_or_make("/x", "1", async || Ok::<_, ()>(body(1))).await.is_ok());
    }

    #[test]
    fn the_pages_unused_for_longest_make_room() {
        let cache = PageCache::default();
        for n in 0..40 {
            cache.put(&format!("/{n}"), "1", &body(500_000));
            assert!(cache.get("/0", "1").is_some(), "the page in use stays, {n}");
        }
        assert!(cache.get("/1", "1").is_none());
        assert!(cache.kept.lock().unwrap().bytes <= MAX_BYTES);
        cache.put("/huge", "1", &body(MAX_BYTES / 2));
        assert!(cache.get("/huge", "1").is_none());
    }
}
