//! The closed sets of words that occur in chapter documents only.

use btcedu_domain::UnknownText;

/// Defines an enum whose variants and wire words can't drift apart, as the domain crate does for its own.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident as $what:literal { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every variant, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the word used in the document.
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
            type Err = UnknownText;

            fn from_str(text: &str) -> Result<Self, UnknownText> {
                Self::ALL.iter().copied().find(|v| v.as_str() == text).ok_or_else(|| UnknownText {
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
    };
}

words! {
    /// What a text laid over the picture is.
    OverlayType as "kind of overlay" {
        /// A line at the foot of the picture.
        LowerThird = "lower_third",
        /// A heading.
        Title = "title",
        /// Somebody's words.
        Quote = "quote",
        /// A figure.
        Statistic = "statistic",
    }
}

words! {
    /// How one chapter gives way to the next.
    TransitionType as "transition" {
        /// Through black.
        Fade = "fade",
        /// At once.
        Cut = "cut",
        /// One into the other.
        Dissolve = "dissolve",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_round_trips() {
        for word in OverlayType::ALL {
            assert_eq!(word.to_string().parse::<OverlayType>().unwrap(), *word);
        }
        for word in TransitionType::ALL {
            assert_eq!(word.to_string().parse::<TransitionType>().unwrap(), *word);
        }
    }
}
