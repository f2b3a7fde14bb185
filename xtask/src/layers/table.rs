//! The table of allowed arrows. A new arrow needs a change here, so that reviewers see it.

/// The place of a crate in the layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A part of the product; arrows go from higher to lower numbers.
    Layer(u8),
    /// For developers; never a normal dependency of the product.
    Tool,
}

/// The crates that one crate may use; it may use fewer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) place: Place,
    /// Without the prefix `btcedu-`.
    pub(crate) name: &'static str,
    pub(crate) may_use: &'static [&'static str],
    /// Files outside of the crate that it embeds.
    pub(crate) embeds: &'static str,
}

const fn row(
    place: Place,
    name: &'static str,
    may_use: &'static [&'static str],
    embeds: &'static str,
) -> Row {
    Row { place, name, may_use, embeds }
}

/// Every package of the workspace, bottom up.
pub(crate) const ROWS: &[Row] = &[
    row(Place::Layer(0), "domain", &[], ""),
    row(Place::Layer(1), "chapters", &["domain"], ""),
    row(Place::Layer(1), "catalog", &["domain"], "data/models.toml"),
    row(Place::Layer(1), "pictures", &["domain"], ""),
    row(Place::Layer(1), "models", &["domain"], "migrations/"),
    row(Place::Layer(1), "http", &["domain"], ""),
    row(Place::Layer(1), "texts", &["domain"], ""),
    row(Place::Layer(2), "artifacts", &["domain", "texts"], ""),
    row(Place::Layer(2), "prompts", &["domain", "models"], "prompts/"),
    row(Place::Layer(2), "imagegen", &["domain", "catalog", "http"], ""),
    row(Place::Layer(2), "clients", &["domain", "catalog", "http"], ""),
    row(
        Place::Layer(3),
        "stages",
        &[
            "domain",
            "chapters",
            "catalog",
            "pictures",
            "artifacts",
            "models",
            "texts",
            "prompts",
            "imagegen",
            "clients",
        ],
        "",
    ),
    row(
        Place::Layer(4),
        "pipeline",
        &["domain", "chapters", "artifacts", "models", "texts", "prompts", "stages"],
        "",
    ),
    row(
        Place::Layer(5),
        "dashboard",
        &["domain", "chapters", "pictures", "artifacts", "models", "texts", "prompts", "pipeline"],
        "web-assets/",
    ),
    row(
        Place::Layer(6),
        "cli",
        &[
            "domain",
            "chapters",
            "catalog",
            "pictures",
            "artifacts",
            "models",
            "http",
            "texts",
            "prompts",
            "imagegen",
            "clients",
            "stages",
            "pipeline",
            "dashboard",
        ],
        "",
    ),
    row(Place::Tool, "simulator", &["domain"], ""),
    row(Place::Tool, "testkit", &["domain", "simulator"], ""),
    row(Place::Tool, "bench", &["domain", "models", "testkit"], ""),
    row(Place::Tool, "xtask", &[], ""),
];

/// External packages, and the crates that may use them: first the owner of the job, then others.
pub(crate) const HOMES: &[(&str, &[&str])] = &[
    ("sha2", &["domain"]),
    ("toml", &["catalog", "xtask"]),
    ("proc-macro2", &["xtask"]),
    ("image", &["pictures", "simulator"]),
    ("png", &["pictures"]),
    ("fast_image_resize", &["pictures"]),
    ("img-parts", &["pictures", "simulator"]),
    ("xmp-writer", &["pictures"]),
    ("similar", &["texts", "prompts", "xtask"]),
    ("strsim", &["texts"]),
    ("tempfile", &["artifacts", "testkit", "bench", "xtask"]),
    ("rustix", &["artifacts", "pictures"]),
    // The domain's ids are columns behind its feature `diesel`.
    ("diesel", &["models", "domain"]),
    ("diesel_migrations", &["models"]),
    ("libsqlite3-sys", &["models"]),
    ("reqwest", &["http", "testkit"]),
    ("rustls", &["http", "testkit"]),
    ("minijinja", &["prompts"]),
    ("gray_matter", &["prompts"]),
    ("rust-embed", &["prompts", "dashboard"]),
    // artifacts has crash points, too, behind its feature `failpoints`.
    ("fail", &["stages", "artifacts"]),
    ("actix-web", &["dashboard"]),
    ("actix-files", &["dashboard"]),
    ("actix-session", &["dashboard"]),
    ("actix-web-lab", &["dashboard"]),
    ("ammonia", &["dashboard"]),
    ("argon2", &["dashboard"]),
    ("fantoccini", &["testkit"]),
    ("scraper", &["testkit"]),
    ("flate2", &["dashboard"]),
    ("getrandom", &["dashboard"]),
    ("governor", &["dashboard"]),
    ("metrics", &["dashboard"]),
    ("pulldown-cmark", &["dashboard"]),
    ("quick_cache", &["dashboard"]),
    ("utoipa", &["dashboard"]),
    ("tera", &["dashboard"]),
    ("clap", &["cli", "simulator", "bench", "xtask"]),
    ("anyhow", &["cli", "bench", "xtask"]),
    ("tracing-subscriber", &["cli", "bench"]),
    ("tracing-appender", &["cli"]),
    ("dotenvy", &["cli"]),
    ("indicatif", &["cli"]),
    ("comfy-table", &["cli"]),
    ("hyper", &["simulator"]),
    ("hyper-util", &["simulator", "testkit"]),
];

/// Arrows that are forbidden on purpose, with the reason.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeftOut {
    /// A crate, or `*` for any crate.
    pub(crate) from: &'static str,
    pub(crate) to: &'static [&'static str],
    pub(crate) why: &'static str,
}

const fn left_out(from: &'static str, to: &'static [&'static str], why: &'static str) -> LeftOut {
    LeftOut { from, to, why }
}

/// Every arrow that is forbidden on purpose.
pub(crate) const LEFT_OUT: &[LeftOut] = &[
    left_out(
        "dashboard",
        &["imagegen", "clients", "http", "stages"],
        "the dashboard can't spend money; what people may see and decide it asks pipeline::Desk, which has \
         no way to run a stage",
    ),
    left_out("pipeline", &["imagegen", "clients", "http"], "the pipeline sees stages, not providers"),
    left_out(
        "stages",
        &["http"],
        "stages speak to services; how a provider is reached is the services' own affair",
    ),
    left_out("imagegen", &["models"], "a provider knows no row: who calls it decides what is kept"),
    left_out("imagegen", &["chapters"], "a provider knows no chapter: it gets a prompt and a size"),
    left_out(
        "simulator",
        &["catalog"],
        "the simulator keeps its own facts about the providers, so that a wrong catalog entry can't confirm itself",
    ),
    left_out("*", &["cli"], "the program is the rim: it puts the parts together, and none of them knows it"),
    left_out("*", &["simulator", "testkit"], "it is for tests and the demo; make it a dev-dependency"),
    left_out("*", &["bench"], "benchmarks are started, not used"),
];

/// Finds a crate's row.
pub(crate) fn find(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

/// Tells whether a crate uses another, directly or through others, as far as the table allows.
pub(crate) fn reaches(from: &str, to: &str) -> bool {
    find(from).is_some_and(|row| row.may_use.iter().any(|used| *used == to || reaches(used, to)))
}
