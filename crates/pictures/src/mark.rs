//! The machine-readable mark of a picture made by AI: finds it, or adds it.

use bytes::Bytes;
use img_parts::{
    Bytes as PartBytes,
    jpeg::{Jpeg, JpegSegment, markers},
    png::{Png, PngChunk},
    webp::WebP,
};
use xmp_writer::{CustomNamespace, Namespace, XmpWriter};

use crate::media_type::MediaType;

/// IPTC's term for media made by a trained model (cv.iptc.org/newscodes/digitalsourcetype).
pub const AI_SOURCE_TYPE: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

/// How a stored picture is marked as made by AI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The provider signed the bytes (C2PA), so they stay unchanged.
    Signed,
    /// This crate added an XMP mark.
    Marked,
    /// The file can't be marked; its sidecar is the only mark.
    Unmarked,
}

/// Returns the bytes to store: unchanged if signed, otherwise with the XMP mark.
pub(crate) fn with_origin(bytes: Bytes, media_type: MediaType) -> (Bytes, Origin) {
    if is_signed(&bytes, media_type) {
        return (bytes, Origin::Signed);
    }
    match marked(bytes.clone(), media_type) {
        Some(marked) => (marked, Origin::Marked),
        None => (bytes, Origin::Unmarked),
    }
}

/// Looks for a C2PA manifest store, where the C2PA specification puts it
/// (PNG: chunk `caBX`; JPEG: APP11 with a JUMBF box; WebP: chunk `C2PA`).
fn is_signed(bytes: &Bytes, media_type: MediaType) -> bool {
    let bytes = bytes.clone();
    match media_type {
        MediaType::Png => Png::from_bytes(bytes).is_ok_and(|png| png.chunk_by_type(*b"caBX").is_some()),
        MediaType::Jpeg => Jpeg::from_bytes(bytes).is_ok_and(|jpeg| {
            jpeg.segments_by_marker(markers::APP11).any(|s| s.contents().windows(4).any(|w| w == b"jumb"))
        }),
        MediaType::Webp => WebP::from_bytes(bytes).is_ok_and(|webp| webp.has_chunk(*b"C2PA")),
    }
}

/// Adds the XMP packet; returns `None` if the file has no place for one.
pub(crate) fn marked(bytes: Bytes, media_type: MediaType) -> Option<Bytes> {
    match media_type {
        MediaType::Png => {
            let mut png = Png::from_bytes(bytes).ok()?;
            // An iTXt chunk: keyword, then "not compressed", then no language and no translated keyword.
            let mut contents = b"XML:com.adobe.xmp\0\0\0\0\0".to_vec();
            contents.extend_from_slice(packet().as_bytes());
            let after_header = 1.min(png.chunks().len());
            png.chunks_mut().insert(after_header, PngChunk::new(*b"iTXt", PartBytes::from(contents)));
            Some(png.encoder().bytes())
        }
        MediaType::Jpeg => {
            let mut jpeg = Jpeg::from_bytes(bytes).ok()?;
            let mut contents = b"http://ns.adobe.com/xap/1.0/\0".to_vec();
            contents.extend_from_slice(packet().as_bytes());
            // After a JFIF header, which must stay first.
            let place = jpeg.segments().iter().take_while(|s| s.marker() == markers::APP0).count();
            let segment = JpegSegment::new_with_contents(markers::APP1, PartBytes::from(contents));
            jpeg.segments_mut().insert(place, segment);
            Some(jpeg.encoder().bytes())
        }
        MediaType::Webp => None,
    }
}

fn packet() -> String {
    let iptc =
        CustomNamespace::new("IPTC Extension", "Iptc4xmpExt", "http://iptc.org/std/Iptc4xmpExt/2008-02-29/");
    let mut writer = XmpWriter::new();
    writer.element("DigitalSourceType", Namespace::Custom(Box::new(iptc))).value(AI_SOURCE_TYPE);
    writer.finish(None)
}
