//! Checks the bytes of pictures, marks them as made by AI and makes thumbnails.
//!
//! Bytes from a provider count as a picture only after they have been decoded completely. Pictures without a
//! signed C2PA manifest get a machine-readable AI mark. All of it runs off the async threads, two pictures at once.
//!
//! May use: `btcedu-domain`.
//!
//! Invariants: a signed picture's bytes are never changed · a mark changes no pixel ·
//! a [`VerifiedPicture`] has been decoded to its last row.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let error = btcedu_pictures::verify("<html>502</html>".into()).await.unwrap_err();
//! assert!(error.to_string().contains("not a PNG, JPEG or WebP"));
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

mod blocking;
mod decode;
mod error;
mod mark;
mod media_type;
mod thumbnail;

pub use decode::{MAX_BYTES, MAX_PIXELS, VerifiedPicture, verify};
pub use error::PictureError;
pub use mark::{AI_SOURCE_TYPE, Origin};
pub use media_type::MediaType;
pub use thumbnail::{THUMBNAIL_WIDTH, thumbnail};
