//! Valid chapter documents for tests, and edits that keep them valid.

use btcedu_domain::{ChapterId, VisualType};

use crate::{
    document::{Chapter, ChapterDocument, Narration, Overlay, Transitions, Visual},
    words::{OverlayType, TransitionType},
};

/// The episode id of every document from here.
pub const EPISODE_ID: &str = "testEp001";

/// Returns a valid document of `n` chapters (at least one).
///
/// Ids are `ch01`, `ch02` …; the visual types repeat in this order: a title card, a diagram with its own
/// prompt, a b-roll without one, and so on.
pub fn document(n: u32) -> ChapterDocument {
    let pattern = [
        (VisualType::TitleCard, None),
        (VisualType::Diagram, Some("A clean flat diagram of linked blocks")),
        (VisualType::BRoll, None),
        (VisualType::TalkingHead, None),
        (VisualType::ScreenShare, Some("A wallet program's send screen, flat style")),
        (VisualType::Diagram, None),
        (VisualType::BRoll, Some("A quiet hall of mining machines at dawn")),
    ];
    let count = usize::try_from(n.max(1)).unwrap_or(usize::MAX);
    let visuals: Vec<_> = pattern.into_iter().cycle().take(count).collect();
    document_of(&visuals)
}

/// Returns a valid document with one chapter for each visual type and own prompt.
pub fn document_of(visuals: &[(VisualType, Option<&str>)]) -> ChapterDocument {
    let chapters = (1..).zip(visuals).map(|(order, (kind, prompt))| chapter(order, *kind, *prompt)).collect();
    let mut document = ChapterDocument {
        schema_version: ChapterDocument::SCHEMA_VERSION.to_owned(),
        episode_id: id(EPISODE_ID),
        title: "Bitcoin'de halving: arz nasıl azalır?".to_owned(),
        total_chapters: 0,
        estimated_duration_seconds: 0,
        chapters,
    };
    settle(&mut document);
    document
}

/// Returns one valid chapter with id `chNN`, where NN is its order.
pub fn chapter(order: u32, visual_type: VisualType, image_prompt: Option<&str>) -> Chapter {
    let mut chapter = Chapter {
        chapter_id: chapter_id(order),
        title: format!("Bölüm {order}"),
        order,
        narration: Narration { text: String::new(), word_count: 1, estimated_duration_seconds: 1 },
        visual: Visual {
            visual_type,
            description: format!("Bölüm {order} için ışıklı, sade bir görsel"),
            image_prompt: image_prompt.map(str::to_owned),
        },
        overlays: vec![Overlay {
            overlay_type: OverlayType::LowerThird,
            text: format!("Bölüm {order}"),
            start_offset_seconds: 0.into(),
            duration_seconds: 3.into(),
        }],
        transitions: Transitions { transition_in: TransitionType::Fade, transition_out: TransitionType::Cut },
        notes: None,
    };
    narrate(&mut chapter, &format!("Bu, {order}. bölümün anlatımıdır; ödül yarıya iner. ").repeat(10));
    chapter
}

/// Returns the id of the chapter with this order in documents from here.
pub fn chapter_id(order: u32) -> ChapterId {
    id(&format!("ch{order:02}"))
}

/// Replaces a chapter's narration, and sets word count and duration to match.
///
/// Call [`settle`] on the document afterwards.
pub fn narrate(chapter: &mut Chapter, text: &str) {
    let word_count = u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX).max(1);
    chapter.narration = Narration {
        text: text.to_owned(),
        word_count,
        estimated_duration_seconds: (word_count.saturating_mul(2) / 5).max(1),
    };
}

/// Corrects orders, count and total duration after chapters were added, moved or removed.
pub fn settle(document: &mut ChapterDocument) {
    for (order, chapter) in (1..).zip(&mut document.chapters) {
        chapter.order = order;
    }
    document.total_chapters = u32::try_from(document.chapters.len()).unwrap_or(u32::MAX);
    document.estimated_duration_seconds =
        document.chapters.iter().map(|chapter| chapter.narration.estimated_duration_seconds).sum();
}

/// Returns the text of a document's `chapters.json`.
#[expect(clippy::expect_used, reason = "for tests; these types always have a JSON form")]
pub fn json(document: &ChapterDocument) -> String {
    serde_json::to_string_pretty(document).expect("a chapter document has a JSON form")
}

#[expect(clippy::expect_used, reason = "for tests; the texts above are ids")]
fn id<T: std::str::FromStr<Err = btcedu_domain::IdError>>(text: &str) -> T {
    text.parse().expect("a valid id")
}
