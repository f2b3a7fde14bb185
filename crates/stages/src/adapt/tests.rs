//! Where tags are found in a reply.

use super::*;

#[test]
fn a_reply_with_other_line_ends_is_tagged_where_its_reader_finds_the_tags() {
    let source = "BaFin.\n\nBitti.\n".to_owned();
    let job = Job { source, variables: Vec::new(), schema: None };
    let reply = "<adaptation>SPK.\r\n\r\n[T1: \"x\" → \"\"] Bitti.</adaptation>";
    let text = Adapting.read(&job, reply).unwrap();
    let read_again = plain(&text);
    assert_eq!(text, read_again);
    let [tag] = &parse_tags(&text)[..] else { panic!("{text}") };
    let shown: String = read_again.chars().skip(tag.position.start).collect();
    assert!(shown.starts_with("[T1:"), "{shown}");
}
