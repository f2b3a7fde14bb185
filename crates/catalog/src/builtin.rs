//! The catalogue that is embedded in the program.

use std::sync::{Arc, LazyLock};

use crate::catalog::ModelCatalog;

#[expect(clippy::expect_used, reason = "the embedded text is a constant, read by this crate's tests")]
static BUILTIN: LazyLock<Arc<ModelCatalog>> = LazyLock::new(|| {
    let text = include_str!("../../../data/models.toml");
    Arc::new(ModelCatalog::from_toml(text).expect("the embedded catalogue is valid"))
});

impl ModelCatalog {
    /// Returns the catalogue that is embedded in the program.
    pub fn builtin() -> Arc<Self> {
        Arc::clone(&BUILTIN)
    }
}
