//! Finished pages, kept as long as what they show has not changed.

use quick_cache::{
    Weighter,
    sync::{Cache, EntryAction, EntryResult},
};

use crate::answer::Body;

/// What all kept pages may take together, in bytes.
const MAX_BYTES: usize = 6 * 1024 * 1024;
/// About as many pages fit in, compressed.
const USUAL_PAGES: usize = 600;
/// Longer addresses are not kept, in bytes: no page links to one.
const MAX_ADDRESS: usize = 512;

/// Pages by address; each shows one version of database and files.
pub(crate) struct PageCache(Cache<String, Kept, ByBytes>);

#[derive(Clone)]
struct Kept {
    version: String,
    body: Body,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<String, Kept> for ByBytes {
    fn weight(&self, address: &String, kept: &Kept) -> u64 {
        u64::try_from(address.len() + kept.version.len() + kept.body.size()).unwrap_or(u64::MAX)
    }
}

impl PageCache {
    pub(crate) fn new() -> Self {
        Self::with_capacity(MAX_BYTES)
    }

    fn with_capacity(bytes: usize) -> Self {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        Self(Cache::with_weighter(USUAL_PAGES, bytes, ByBytes))
    }

    /// Returns a page that shows this version, or makes it: once for all requests that come at the same time.
    pub(crate) async fn get_or_make<E>(
        &self,
        address: &str,
        version: &str,
        make: impl AsyncFnOnce() -> Result<Body, E>,
    ) -> Result<Body, E> {
        if address.len() > MAX_ADDRESS {
            return make().await;
        }
        let of_this_version = |_: &String, kept: &mut Kept| {
            if kept.version == version {
                EntryAction::Retain(kept.body.clone())
            } else {
                EntryAction::ReplaceWithGuard
            }
        };
        let guard = match self.0.entry_async(address, of_this_version).await {
            EntryResult::Retained(body) => return Ok(body),
            EntryResult::Replaced(guard, _) | EntryResult::Vacant(guard) => guard,
            // Neither happens: nothing is removed above, and only the blocking call has a time-out.
            EntryResult::Removed(..) | EntryResult::Timeout => return make().await,
        };
        // Where this fails, or its caller goes away, the next request in the queue makes the page.
        let body = make().await?;
        // An entry that was removed meanwhile stays away.
        let _is_kept = guard.insert(Kept { version: version.to_owned(), body: body.clone() });
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::answer::HTML;

    fn body(bytes: usize) -> Body {
        // Bytes that don't compress: Knuth's random numbers.
        let next = |n: &u64| Some(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let numbers = std::iter::successors(Some(1_u64), next).take(bytes);
        let text: Vec<u8> = numbers.map(|n| n.to_be_bytes()[0]).collect();
        Body::new(text.into(), HTML)
    }

    /// A cache, and how many pages were made for it.
    struct World {
        cache: PageCache,
        made: AtomicUsize,
    }

    impl World {
        fn new(bytes: usize) -> Self {
            Self { cache: PageCache::with_capacity(bytes), made: AtomicUsize::new(0) }
        }

        async fn ask(&self, address: &str, version: &str, bytes: usize) {
            let make = async || {
                self.made.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok::<_, ()>(body(bytes))
            };
            self.cache.get_or_make(address, version, make).await.unwrap();
        }

        fn made(&self) -> usize {
            self.made.swap(0, Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn a_page_of_another_version_or_address_is_made_anew() {
        let world = World::new(MAX_BYTES);
        for (address, version, made) in
            [("/", "1", 1), ("/", "1", 0), ("/", "2", 1), ("/", "2", 0), ("/", "1", 1), ("/costs", "1", 1)]
        {
            world.ask(address, version, 10).await;
            assert_eq!(world.made(), made, "{address} {version}");
        }
    }

    #[tokio::test]
    async fn a_page_that_many_ask_for_at_once_is_made_once() {
        let world = World::new(MAX_BYTES);
        tokio::join!(world.ask("/", "1", 10), world.ask("/", "1", 10), world.ask("/", "1", 10));
        assert_eq!(world.made(), 1);
        tokio::join!(world.ask("/", "2", 10), world.ask("/", "2", 10), world.ask("/costs", "2", 10));
        assert_eq!(world.made(), 2);
    }

    #[tokio::test]
    async fn a_page_that_could_not_be_made_is_tried_by_the_next_request() {
        let cache = PageCache::new();
        let failed: Result<Body, &str> = cache.get_or_make("/x", "1", async || Err("no")).await;
        assert_eq!(failed.unwrap_err(), "no");
        assert!(cache.get_or_make("/x", "1", async || Ok::<_, ()>(body(1))).await.is_ok());
    }

    #[tokio::test]
    async fn kept_pages_never_take_more_than_their_bytes() {
        let world = World::new(MAX_BYTES);
        for n in 0..200 {
            world.ask(&format!("/{n}"), "1", 100_000).await;
            assert!(world.cache.0.weight() <= MAX_BYTES as u64, "{n}");
        }
        assert!(world.cache.0.len() > 20);
        world.ask("/huge", "1", 2 * MAX_BYTES).await;
        assert!(world.cache.0.weight() <= MAX_BYTES as u64);
    }

    #[tokio::test]
    async fn a_long_address_is_not_kept() {
        let world = World::new(MAX_BYTES);
        let address = format!("/?search={}", "x".repeat(MAX_ADDRESS));
        world.ask(&address, "1", 10).await;
        world.ask(&address, "1", 10).await;
        assert_eq!(world.made(), 2);
    }
}
