//! Answers as providers and gateways write them.

use base64::engine::general_purpose::STANDARD as ENCODER;

use super::*;

fn body(data: &str, rest: &str) -> Vec<u8> {
    format!("{{\"created\":1,\"data\":[{data}]{rest}}}").into_bytes()
}

fn bytes_of(answer: Answer) -> Vec<u8> {
    match answer.picture {
        PictureData::Bytes(bytes) => bytes,
        PictureData::Url(url) => panic!("{url}"),
    }
}

#[test]
fn base64_is_read_in_every_form() {
    let picture = b"\x89PNG picture??";
    let plain = ENCODER.encode(picture);
    for text in [
        plain.clone(),
        plain.trim_end_matches('=').to_owned(),
        plain.replace('/', "\\/"),
        format!("data:image/png;base64,{plain}"),
        format!("{plain}\\n"),
    ] {
        let answer = read(body(&format!("{{\"b64_json\":\"{text}\"}}"), "")).unwrap();
        assert_eq!(bytes_of(answer), picture, "{text}");
    }
}

#[test]
fn a_picture_of_any_length_is_decoded_in_place() {
    let chunk = CHUNK / 4 * 3;
    for length in [1, 2, 3, 4, chunk - 1, chunk, chunk + 1, 3 * chunk - 2, 3 * chunk, 1_000_003] {
        let picture: Vec<u8> = (0..length).map(|n: usize| u8::try_from((n * 31) % 251).unwrap()).collect();
        let text = ENCODER.encode(&picture);
        let answer = read(body(&format!("{{\"b64_json\":\"{text}\"}}"), ""));
        assert!(bytes_of(answer.unwrap()) == picture, "{length} bytes");
        let broken = text.replacen(char::is_alphanumeric, "?", 1);
        let problem = read(body(&format!("{{\"b64_json\":\"{broken}\"}}"), "")).unwrap_err();
        assert!(problem.contains("base64"), "{problem}");
    }
}

#[test]
fn a_url_is_used_if_there_is_no_base64() {
    let answer = read(body(r#"{"url":"https:\/\/x.example\/1.png","b64_json":null}"#, "")).unwrap();
    assert!(matches!(answer.picture, PictureData::Url(url) if url == "https://x.example/1.png"));
}

#[test]
fn an_odd_field_does_not_lose_a_paid_picture() {
    for (item, rest) in [
        (r#""revised_prompt":42"#, ""),
        (r#""revised_prompt":{"a":[1]}"#, r#","usage":"a lot""#),
        (r#""revised_prompt":null"#, r#","usage":{"output_tokens":"many"}"#),
        (r#""new":true"#, r#","usage":null,"newer":{"x":1}"#),
    ] {
        let answer = read(body(&format!("{{\"b64_json\":\"YWJj\",{item}}}"), rest)).unwrap();
        assert_eq!((answer.usage, answer.revised_prompt.clone()), (None, None), "{item}{rest}");
        assert_eq!(bytes_of(answer), b"abc");
    }
}

#[test]
fn usage_and_revised_prompt_are_kept() {
    let usage = r#","usage":{"input_tokens":60,"input_tokens_details":{"text_tokens":50,"image_tokens":10},"output_tokens":1756,"total_tokens":1816}"#;
    let answer = read(body(r#"{"b64_json":"YWJj","revised_prompt":"Ein \"Bild\" ş"}"#, usage)).unwrap();
    assert_eq!(answer.revised_prompt.as_deref(), Some("Ein \"Bild\" ş"));
    let counted = ImageUsage { input_tokens: 60, image_input_tokens: 10, output_tokens: 1756 };
    assert_eq!(answer.usage, Some(counted));
}

#[test]
fn an_answer_without_a_picture_says_why() {
    for (body, said) in [
        (&b""[..], "not the JSON"),
        (b"<html>", "not the JSON"),
        (br#"{"created":1}"#, "'data' is empty"),
        (br#"{"data":null}"#, "'data' is empty"),
        (br#"{"data":[]}"#, "'data' is empty"),
        (br#"{"data":[{}]}"#, "neither"),
        (br#"{"data":[{"b64_json":"@@@"}]}"#, "can't be decoded"),
        (br#"{"data":[{"b64_json":"YWJ"#, "not the JSON"),
    ] {
        let problem = read(body.to_vec()).unwrap_err();
        assert!(problem.contains(said), "{problem}");
    }
}

#[test]
fn the_first_bytes_tell_the_media_type() {
    for (bytes, media_type) in [
        (&b"\x89PNG\r\n\x1a\n"[..], "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", "application/octet-stream"),
        (b"<p>", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ] {
        assert_eq!(media_type_of(bytes), media_type);
    }
}
