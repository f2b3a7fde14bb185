//! Bytes in, a picture that can be trusted out.
//!
//! Decodes a provider's bytes whole before they count as a picture, makes small copies, tells whether they
//! carry a signed C2PA manifest, and puts the machine-readable AI mark into those that
//! don't. Also the one door for work with files off the async threads ([`offload`]).
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

mod decode;
mod error;
mod mark;
mod media_type;
mod offload;
mod thumbnail;

pub use decode::{MAX_BYTES, MAX_PIXELS, VerifiedPicture, verify};
pub use error::PictureError;
pub use mark::{AI_SOURCE_TYPE, Origin};
pub use media_type::MediaType;
pub use offload::{OffloadError, offload};
pub use thumbnail::{THUMBNAIL_WIDTH, thumbnail};
