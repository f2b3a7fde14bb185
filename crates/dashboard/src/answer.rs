//! How answers are made: compressed where that helps, and with a tag by which a browser asks again.

use std::io::{Read, Write};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::header::{self, AcceptEncoding, Encoding, EntityTag, Header, IfNoneMatch},
    web::Query,
};
use btcedu_domain::Sha256Hash;
use bytes::Bytes;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};

use crate::error::WebError;

/// Shorter bodies are sent as they are, in bytes: compression would save less than a packet.
const MIN_COMPRESSED: usize = 1024;

/// A page is made anew after each change, so speed counts for more than the last tenth of its size.
const LEVEL: Compression = Compression::new(3);

/// How long a browser may keep an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// For good: the address holds the content's hash.
    Forever,
    /// It asks each time whether the answer has changed.
    AskAgain,
    /// Not at all.
    Never,
}

impl Freshness {
    /// Returns the value of `Cache-Control`.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Forever => "private, max-age=31536000, immutable",
            Self::AskAgain => "private, no-cache",
            Self::Never => "no-store",
        }
    }

    /// Says how long an answer may be kept whose address may hold its hash, as `?v=HASH`.
    pub(crate) fn of_hash(request: &HttpRequest, hash: &str) -> Self {
        #[derive(Deserialize)]
        struct Asked {
            v: String,
        }
        let asked = Query::<Asked>::from_query(request.query_string());
        if asked.is_ok_and(|asked| asked.v == hash) { Self::Forever } else { Self::AskAgain }
    }
}

/// A body with its tag, compressed where that makes it shorter.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    media_type: &'static str,
    bytes: Bytes,
    is_gzip: bool,
    tag: EntityTag,
}

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const JSON: &str = "application/json";

impl Body {
    pub(crate) fn new(plain: Bytes, media_type: &'static str) -> Self {
        let hash = Sha256Hash::of_bytes(&plain).to_string();
        let tag = EntityTag::new_strong(hash.chars().take(32).collect());
        let gzip = if plain.len() < MIN_COMPRESSED { None } else { compressed(&plain) };
        match gzip.filter(|gzip| gzip.len() < plain.len()) {
            Some(gzip) => Self { media_type, bytes: gzip, is_gzip: true, tag },
            None => Self { media_type, bytes: plain, is_gzip: false, tag },
        }
    }

    pub(crate) fn json(value: &impl Serialize) -> Result<Self, WebError> {
        Ok(Self::new(serde_json::to_vec(value).map_err(WebError::internal)?.into(), JSON))
    }

    /// Returns about how much memory it takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() + self.tag.tag().len()
    }

    pub(crate) fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// Answers with it, or says that the browser has it already.
    pub(crate) fn respond(&self, request: &HttpRequest, freshness: Freshness) -> HttpResponse {
        if freshness != Freshness::Never && has_already(request, &self.tag) {
            let mut response = HttpResponse::NotModified();
            self.put_headers(&mut response, freshness);
            return response.finish();
        }
        let mut response = HttpResponse::Ok();
        self.put_headers(&mut response, freshness);
        response.insert_header((header::CONTENT_TYPE, self.media_type));
        if self.is_gzip && accepts_gzip(request) {
            return response.insert_header((header::CONTENT_ENCODING, "gzip")).body(self.bytes.clone());
        }
        match self.plain() {
            Ok(plain) => response.body(plain),
            Err(error) => HttpResponse::from_error(WebError::internal(error)),
        }
    }

    /// Returns it uncompressed, for the few clients that accept no compression.
    ///
    /// # Errors
    /// That of the decoder, which is never seen: the bytes are our own.
    pub(crate) fn plain(&self) -> std::io::Result<Bytes> {
        if !self.is_gzip {
            return Ok(self.bytes.clone());
        }
        let mut plain = Vec::new();
        GzDecoder::new(self.bytes.as_ref()).read_to_end(&mut plain)?;
        Ok(plain.into())
    }

    fn put_headers(&self, response: &mut HttpResponseBuilder, freshness: Freshness) {
        if freshness != Freshness::Never {
            response.insert_header((header::ETAG, self.tag.clone()));
        }
        response.insert_header((header::CACHE_CONTROL, freshness.header()));
        response.insert_header((header::VARY, "Accept-Encoding, Cookie"));
    }
}

fn compressed(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), LEVEL);
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Tells whether the browser has the answer with this tag already.
pub(crate) fn has_already(request: &HttpRequest, tag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(tag)),
        Err(_unreadable) => false,
    }
}

/// Tells whether the client accepts gzip, and doesn't rather have the plain body.
fn accepts_gzip(request: &HttpRequest) -> bool {
    let supported = [Encoding::gzip(), Encoding::identity()];
    let accepted = AcceptEncoding::parse(request).ok();
    accepted.and_then(|accepted| accepted.negotiate(supported.iter())) == Some(Encoding::gzip())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn asking(name: &'static str, value: &'static str) -> HttpRequest {
        TestRequest::default().insert_header((name, value)).to_http_request()
    }

    #[test]
    fn gzip_is_sent_to_those_who_accept_it() {
        for accepted in ["gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.8", "GZIP", "gzip;q=0.001"] {
            assert!(accepts_gzip(&asking("accept-encoding", accepted)), "{accepted}");
        }
        // With `*` the plain body is as good.
        for refused in
            ["", "br", "gzip;q=0", "gzip; q=0.0, deflate", "identity", "*;q=0", "gzip;q=0, *", "*", "?"]
        {
            assert!(!accepts_gzip(&asking("accept-encoding", refused)), "{refused}");
        }
        assert!(!accepts_gzip(&TestRequest::default().to_http_request()));
    }

    #[test]
    fn a_tag_is_known_in_a_list_weak_or_strong() {
        let tag = EntityTag::new_strong("abc".to_owned());
        for known in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "\"x\", W/\"abc\"", "*"] {
            assert!(has_already(&asking("if-none-match", known), &tag), "{known}");
        }
        for other in ["\"abcd\"", "abc", "", "W/\"x\"", "\"x\", \"y\""] {
            assert!(!has_already(&asking("if-none-match", other), &tag), "{other}");
        }
        assert!(!has_already(&TestRequest::default().to_http_request(), &tag));
    }

    #[test]
    fn only_the_address_with_the_hash_is_kept_for_good() {
        let asked = |uri: &str| Freshness::of_hash(&TestRequest::with_uri(uri).to_http_request(), "abc");
        assert_eq!(asked("/x?v=abc"), Freshness::Forever);
        assert_eq!(asked("/x?y=1&v=abc"), Freshness::Forever);
        for uri in ["/x", "/x?v=", "/x?v=abcd", "/x?w=abc", "/x?v=abc0"] {
            assert_eq!(asked(uri), Freshness::AskAgain, "{uri}");
        }
    }

    #[test]
    fn a_long_body_is_compressed_and_comes_back_as_it_was() {
        let text = "Bitcoin ".repeat(500);
        let body = Body::new(text.clone().into(), HTML);
        assert!(body.is_gzip && body.size() < 200);
        assert_eq!(body.plain().unwrap(), text);
        assert!(!Body::new(Bytes::from_static(b"short"), HTML).is_gzip);
    }
}
