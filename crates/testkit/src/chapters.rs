//! Chapter documents for tests, edited as a person would edit the file.

use serde_json::{Value, json};

/// A chapter document that a test builds and edits.
#[derive(Debug, Clone, PartialEq)]
pub struct Chapters(Vec<Value>);

impl Chapters {
    /// Makes `count` diagrams, `ch01` and so on, each with a prompt of its own.
    pub fn own_prompts(count: usize) -> Self {
        (1..=count).fold(Self(Vec::new()), |doc, n| {
            doc.with("diagram", Some(&format!("A plain drawing of number {n}.")))
        })
    }

    /// Makes `count` diagrams without a prompt, so that the language model writes it.
    pub fn without_prompts(count: usize) -> Self {
        (0..count).fold(Self(Vec::new()), |doc, _| doc.with("diagram", None))
    }

    /// Makes an empty document to add chapters to.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a chapter at the end.
    #[must_use]
    pub fn with(mut self, visual_type: &str, image_prompt: Option<&str>) -> Self {
        let n = self.0.len() + 1;
        self.0.push(json!({
            "chapter_id": format!("ch{n:02}"),
            "title": format!("Bölüm {n}"),
            "order": n,
            "narration": {
                "text": format!("Bu, {n}. bölümün anlatımıdır ve blok zincirini açıklar."),
                "word_count": 10,
                "estimated_duration_seconds": 4,
            },
            "visual": {
                "type": visual_type,
                "description": format!("{n} numaralı bloğu gösteren sade bir çizim"),
                "image_prompt": image_prompt,
            },
            "overlays": [],
            "transitions": {"in": "fade", "out": "cut"},
            "notes": null,
        }));
        self
    }

    /// Sets a value of a chapter (counted from 1) by JSON pointer, such as `/visual/image_prompt`.
    ///
    /// # Panics
    /// Where the pointer leads to nothing.
    #[must_use]
    pub fn edit(mut self, chapter: usize, pointer: &str, value: impl Into<Value>) -> Self {
        let place = self.0.get_mut(chapter - 1).and_then(|c| c.pointer_mut(pointer));
        *place.expect("the place to edit") = value.into();
        self
    }

    /// Swaps two chapters (counted from 1) and gives each the other's id and order, as a renumbering does.
    ///
    /// # Panics
    /// Where there is no such chapter.
    #[must_use]
    pub fn renumber(mut self, one: usize, other: usize) -> Self {
        self.0.swap(one - 1, other - 1);
        for (n, chapter) in self.0.iter_mut().enumerate() {
            chapter["order"] = json!(n + 1);
            chapter["chapter_id"] = json!(format!("ch{:02}", n + 1));
        }
        self
    }

    /// Writes the document for an episode.
    pub fn json(&self, episode: &str) -> String {
        let seconds: i64 =
            self.0.iter().filter_map(|c| c.pointer("/narration/estimated_duration_seconds")?.as_i64()).sum();
        let document = json!({
            "schema_version": "1.0",
            "episode_id": episode,
            "title": "Blok zinciri",
            "total_chapters": self.0.len(),
            "estimated_duration_seconds": seconds,
            "chapters": self.0,
        });
        format!("{document:#}")
    }
}
