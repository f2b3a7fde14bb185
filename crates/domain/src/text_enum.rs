//! One macro for enums with a text form, so that text and variant can't drift apart.

/// A text is none of an enum's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{found}' is not a {what}; allowed: {allowed}")]
pub struct UnknownText {
    /// The kind of word that was expected, for the message.
    pub what: &'static str,
    /// The word that was found.
    pub found: String,
    /// The allowed words, separated by commas.
    pub allowed: String,
}

/// Defines an enum with `as_str`, `ALL`, `Display`, `FromStr` (whose error is [`UnknownText`]) and serde.
///
/// The calling crate needs a dependency on serde.
///
/// # Example
/// ```
/// btcedu_domain::text_enum! {
///     /// A wall of the room.
///     Wall as "wall" {
///         /// The eastern wall.
///         East = "east",
///     }
/// }
/// assert_eq!("east".parse(), Ok(Wall::East));
/// assert_eq!("up".parse::<Wall>().unwrap_err().to_string(), "'up' is not a wall; allowed: east");
/// ```
#[macro_export]
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident as $what:literal { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every variant, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the word used in files, tables and on the command line.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownText;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|v| v.as_str() == text).ok_or_else(|| $crate::UnknownText {
                    what: $what,
                    found: text.to_owned(),
                    allowed: Self::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'_, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// As [`crate::text_enum`], and a Text column with feature `diesel`.
macro_rules! text_column_enum {
    ($(#[$doc:meta])* $name:ident $($rest:tt)+) => {
        $crate::text_enum! {
            $(#[$doc])*
            #[cfg_attr(feature = "diesel", derive(diesel::AsExpression, diesel::FromSqlRow))]
            #[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
            $name $($rest)+
        }

        $crate::sql::text_column!($name);
    };
}
pub(crate) use text_column_enum;
