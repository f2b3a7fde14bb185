//! Pages as they were made, kept as long as what they show has not changed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::answer::Body;

/// What all kept pages may take together, in bytes.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// A longer address is nobody's bookmark.
const MAX_KEY: usize = 512;

/// Pages by address.
#[derive(Debug, Default)]
pub(crate) struct PageCache(Mutex<Kept>);

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
    /// Returns a page if it shows this version.
    pub(crate) fn get(&self, key: &str, version: &str) -> Option<Body> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let used = kept.clock;
        let entry = kept.pages.get_mut(key).filter(|entry| entry.version == version)?;
        entry.used = used;
        Some(entry.body.clone())
    }

    /// Keeps a page; those that were not used for longest go where it gets too many.
    pub(crate) fn put(&self, key: &str, version: &str, body: &Body) {
        let size = body.size() + key.len();
        if key.len() > MAX_KEY || size > MAX_BYTES / 4 {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        // Bytes that don't compress to nothing.
        let text: Vec<u8> = (0..bytes).map(|n| u8::try_from(n * n % 251).unwrap()).collect();
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

    #[test]
    fn the_pages_unused_for_longest_make_room() {
        let cache = PageCache::default();
        for n in 0..40 {
            cache.put(&format!("/{n}"), "1", &body(500_000));
            assert!(cache.get("/0", "1").is_some(), "the page in use stays, {n}");
        }
        assert!(cache.get("/1", "1").is_none());
        assert!(cache.0.lock().unwrap().bytes <= MAX_BYTES);
        cache.put("/huge", "1", &body(MAX_BYTES));
        assert!(cache.get("/huge", "1").is_none());
    }
}
