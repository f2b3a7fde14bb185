//! The adapted script as HTML that is safe to show: its Markdown, and its tags marked.

use std::collections::{HashMap, HashSet};

use ammonia::Builder;
use btcedu_artifacts::{Adaptation, Tier};
use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd, html};

/// Where a tag is in the script, and how it is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marked<'a> {
    adaptation: &'a Adaptation,
    is_dimmed: bool,
}

impl<'a> Marked<'a> {
    pub(crate) fn new(adaptation: &'a Adaptation) -> Self {
        Self { adaptation, is_dimmed: false }
    }

    /// As one that the filter leaves out.
    pub(crate) fn dimmed(self, is_dimmed: bool) -> Self {
        Self { is_dimmed, ..self }
    }
}

/// Stand for a mark's beginning and end while the Markdown is read: characters of nobody's (Unicode's private use).
const BEGIN: char = '\u{F0001}';
const END: char = '\u{F0002}';

/// Makes HTML of a script; tag N is `<mark id="change-N" class="change tag t1 CATEGORY">`, from 1.
pub(crate) fn script_html(script: &str, tags: &[Marked<'_>]) -> String {
    let (signed, numbers) = put_signs(script, tags);
    let events = Parser::new(&signed).filter_map(|event| match event {
        // What looks like HTML is text, and links of a model lead nowhere.
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
    clean(&put_marks(&page, &numbers, tags))
}

const fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

/// Puts signs around each tag; tags that lie in each other, or end in another paragraph, get none. Returns
/// the numbers, from 0, of those that have got one.
fn put_signs(script: &str, tags: &[Marked<'_>]) -> (String, Vec<usize>) {
    let letters: Vec<char> = script.chars().map(|c| if c == BEGIN || c == END { ' ' } else { c }).collect();
    let mut signed = String::with_capacity(script.len() + tags.len() * 8);
    let (mut at, mut numbers) = (0, Vec::new());
    for (number, tag) in tags.iter().enumerate() {
        let (start, end) = (tag.adaptation.position.start, tag.adaptation.position.end);
        let Some(inside) = letters.get(start..end).filter(|_| start >= at) else { continue };
        let inside: String = inside.iter().collect();
        if inside.contains("\n\n") {
            continue;
        }
        signed.extend(letters.get(at..start).unwrap_or_default());
        signed.push(BEGIN);
        signed.push_str(&inside);
        signed.push(END);
        numbers.push(number);
        at = end;
    }
    signed.extend(letters.get(at..).unwrap_or_default());
    (signed, numbers)
}

fn put_marks(page: &str, numbers: &[usize], tags: &[Marked<'_>]) -> String {
    let mut marked = String::with_capacity(page.len() + tags.len() * 60);
    let mut numbers = numbers.iter();
    for letter in page.chars() {
        match letter {
            BEGIN => marked.push_str(&opening(numbers.next(), tags)),
            END => marked.push_str("</mark>"),
            other => marked.push(other),
        }
    }
    marked
}

fn opening(number: Option<&usize>, tags: &[Marked<'_>]) -> String {
    let Some((number, tag)) = number.and_then(|at| Some((at + 1, tags.get(*at)?))) else {
        return "<mark>".to_owned();
    };
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

/// Lets through what a script is made of, and nothing else.
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
    use btcedu_artifacts::{AdaptationCategory, Span};

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
    fn a_tag_over_two_paragraphs_or_out_of_the_text_is_left_as_text() {
        let script = "[T1: a\n\nb] [T1: c]";
        let mut all = tags(script);
        all.push(Adaptation { position: Span { start: 900, end: 910 }, ..all[0].clone() });
        let html = script_html(script, &all.iter().map(Marked::new).collect::<Vec<_>>());
        assert!(html.contains("id=\"change-2\"") && !html.contains("id=\"change-1\""), "{html}");
        assert!(!html.contains("change-3"), "{html}");
    }
}
