//! The adapted script as HTML that is safe to show: its Markdown is rendered, and its tags are marked.

use std::collections::{HashMap, HashSet};

use ammonia::Builder;
use btcedu_texts::{Adaptation, Tier};
use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd, html};

/// A tag of the script, and how it is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marked<'a> {
    adaptation: &'a Adaptation,
    is_dimmed: bool,
}

impl<'a> Marked<'a> {
    pub(crate) fn new(adaptation: &'a Adaptation) -> Self {
        Self { adaptation, is_dimmed: false }
    }

    /// Returns the same tag, dimmed where the filter leaves it out.
    pub(crate) fn dimmed(self, is_dimmed: bool) -> Self {
        Self { is_dimmed, ..self }
    }
}

/// Signs for the beginning of a mark, the end of its number, and the end of the mark, used while the Markdown is
/// read. They are of Unicode's private use, so that no text has them.
const BEGIN: char = '\u{F0001}';
const NUMBERED: char = '\u{F0002}';
const END: char = '\u{F0003}';

/// Makes HTML of a script; tag N is `<mark id="change-N" class="change tag t1 CATEGORY">`, from 1.
pub(crate) fn script_html(script: &str, tags: &[Marked<'_>]) -> String {
    let signed = put_signs(script, tags);
    let events = Parser::new(&signed).filter_map(|event| match event {
        // HTML is shown as text, and links that a model wrote are dropped.
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        // The page has its own title above the script's.
        Event::Start(Tag::Heading { level, .. }) => Some(Event::Start(Tag::Heading {
            level: lower(level),
            id: None,
            classes: Vec::new(),
            attrs: Vec::new(),
        })),
        Event::End(TagEnd::Heading(level)) => Some(Event::End(TagEnd::Heading(lower(level)))),
        Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::HtmlBlock)
        | Event::End(TagEnd::Link | TagEnd::Image | TagEnd::HtmlBlock) => None,
        other => Some(other),
    });
    let mut page = String::new();
    html::push_html(&mut page, events);
    clean(&put_marks(&page, tags))
}

const fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

/// Puts signs around each tag, with its number, so that a tag that the Markdown drops takes its number with it.
fn put_signs(script: &str, tags: &[Marked<'_>]) -> String {
    let is_sign = |c: char| matches!(c, BEGIN | NUMBERED | END);
    let letters: Vec<char> = script.chars().map(|c| if is_sign(c) { ' ' } else { c }).collect();
    let mut signed = String::with_capacity(script.len() + tags.len() * 16);
    let mut at = 0;
    for (number, tag) in tags.iter().enumerate() {
        let span = tag.adaptation.position;
        let Some(inside) = letters.get(span.start..span.end).filter(|_| span.start >= at) else { continue };
        let inside: String = inside.iter().collect();
        if !is_tag(&inside) {
            continue;
        }
        signed.extend(letters.get(at..span.start).unwrap_or_default());
        signed.extend([BEGIN.to_string(), number.to_string(), NUMBERED.to_string(), inside, END.to_string()]);
        at = span.end;
    }
    signed.extend(letters.get(at..).unwrap_or_default());
    signed
}

/// Tells whether a span holds a tag: the positions may be of another text, and a mark can't span two paragraphs.
fn is_tag(text: &str) -> bool {
    text.starts_with('[') && text.ends_with(']') && !text.contains("\n\n")
}

fn put_marks(page: &str, tags: &[Marked<'_>]) -> String {
    let mut parts = page.split(BEGIN);
    let mut marked = parts.next().unwrap_or_default().replace([NUMBERED, END], "");
    for part in parts {
        let (number, rest) = part.split_once(NUMBERED).unwrap_or(("", part));
        let tag = number.parse().ok().and_then(|number: usize| Some((number + 1, tags.get(number)?)));
        match (tag, rest.split_once(END)) {
            (Some((number, tag)), Some((inside, after))) => {
                marked.extend([
                    &opening(number, tag),
                    inside,
                    "</mark>",
                    &after.replace([NUMBERED, END], ""),
                ]);
            }
            _ => marked.push_str(&rest.replace([NUMBERED, END], "")),
        }
    }
    marked
}

/// Tells whether a page has a mark of this number.
pub(crate) fn is_marked(page: &str, number: usize) -> bool {
    page.contains(&format!("id=\"change-{number}\""))
}

fn opening(number: usize, tag: &Marked<'_>) -> String {
    let tier = match tag.adaptation.tier {
        Tier::T1 => "t1",
        Tier::T2 => "t2",
    };
    let category = tag.adaptation.category;
    let dimmed = if tag.is_dimmed { " dimmed" } else { "" };
    format!(
        "<mark id=\"change-{number}\" class=\"change tag {tier} {category}{dimmed}\" data-category=\"{category}\">"
    )
}

/// Lets through only the elements that a script is made of.
fn clean(page: &str) -> String {
    let tags = [
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "em",
        "strong",
        "ul",
        "ol",
        "li",
        "blockquote",
        "hr",
        "br",
        "code",
        "pre",
        "mark",
    ];
    Builder::empty()
        .tags(HashSet::from(tags))
        .tag_attributes(HashMap::from([("mark", HashSet::from(["id", "class", "data-category"]))]))
        .clean(page)
        .to_string()
}

#[cfg(test)]
mod tests {
    use btcedu_texts::{AdaptationCategory, Span};

    use super::*;

    fn tags(script: &str) -> Vec<Adaptation> {
        let found = script.char_indices().filter(|(_, c)| *c == '[').map(|(start, _)| {
            let end = start + script[start..].find(']').unwrap() + 1;
            let chars = |at: usize| script[..at].chars().count();
            Adaptation {
                tier: if script[start..].starts_with("[T2") { Tier::T2 } else { Tier::T1 },
                category: AdaptationCategory::Other,
                original: String::new(),
                adapted: String::new(),
                context: String::new(),
                position: Span { start: chars(start), end: chars(end) },
            }
        });
        found.collect()
    }

    fn html_of(script: &str) -> String {
        let tags = tags(script);
        script_html(script, &tags.iter().map(Marked::new).collect::<Vec<_>>())
    }

    #[test]
    fn markdown_is_shown_and_tags_are_marked_by_number() {
        let html = html_of("# Başlık\n\nSPK [T1: BaFin] **bugün** [T2: x].\n\n- bir\n- iki");
        assert!(html.contains("<h3>Başlık</h3>"), "{html}");
        assert!(html.contains(r#"SPK <mark id="change-1" class="change tag t1 other" data-category="other">[T1: BaFin]</mark> <strong>bugün</strong>"#), "{html}");
        assert!(
            html.contains(
                r#"<mark id="change-2" class="change tag t2 other" data-category="other">[T2: x]</mark>."#
            ),
            "{html}"
        );
        assert!(html.contains("<li>iki</li>"), "{html}");
    }

    #[test]
    fn what_a_model_wrote_never_becomes_an_element() {
        for script in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "[klick](javascript:alert(1)) ![x](https://evil.example/p.png)",
            "<div onclick=\"x\">\n\n</div>",
            "[T1: <b onmouseover=alert(1)>x</b>]",
            "\u{F0001}a\u{F0002} <mark id=change-1>",
            "`</code><script>alert(1)</script>`",
        ] {
            let html = html_of(script);
            let plain = html.replace("&lt;", "").replace("&gt;", "");
            for bad in ["<script", "<img", "<a ", "<b", "<div", "href", "src=\"", "<mark id=change"] {
                assert!(!plain.contains(bad), "{script}: {html}");
            }
        }
    }

    #[test]
    fn a_tag_that_the_markdown_drops_leaves_the_others_their_numbers() {
        let html = html_of("[metin](http://x/[T1:a]) ve [T2: b] son [T1: c]");
        for (number, tier, text) in [(3, "t2", "[T2: b]"), (4, "t1", "[T1: c]")] {
            let mark = format!(
                "<mark id=\"change-{number}\" class=\"change tag {tier} other\" data-category=\"other\">{text}</mark>"
            );
            assert!(html.contains(&mark), "{mark}: {html}");
        }
    }

    #[test]
    fn a_tag_over_two_paragraphs_or_out_of_the_text_is_left_as_text() {
        let script = "[T1: a\n\nb] [T1: c]";
        let mut all = tags(script);
        all.push(Adaptation { position: Span { start: 900, end: 910 }, ..all[0].clone() });
        let html = script_html(script, &all.iter().map(Marked::new).collect::<Vec<_>>());
        assert!(html.contains("id=\"change-2\"") && !html.contains("id=\"change-1\""), "{html}");
        assert!(!html.contains("change-3"), "{html}");
    }
}
