//! The closed sets of words that occur in the two diffs only.

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

            /// Returns the word used in the diff.
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

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

words! {
    /// What a change does to the text.
    ChangeType as "type of change" {
        /// Other words instead.
        Replace = "replace",
        /// Words that were not there.
        Insert = "insert",
        /// Words that are gone.
        Delete = "delete",
    }
}

words! {
    /// What kind of error a correction mends.
    CorrectionCategory as "category of corrections" {
        /// The same words, written right.
        Spelling = "spelling",
        /// The same letters, with other signs or blanks between them.
        Punctuation = "punctuation",
        /// A few other words.
        Grammar = "grammar",
        /// A term of the subject that was not recognized.
        Terminology = "terminology",
        /// Anything larger.
        Other = "other",
    }
}

words! {
    /// How far an adaptation goes.
    Tier as "tier" {
        /// Mechanical: by rule and list.
        T1 = "T1",
        /// Editorial: always for the reviewer.
        T2 = "T2",
    }
}

words! {
    /// What an adaptation is about.
    AdaptationCategory as "category of adaptations" {
        /// A German institution became a Turkish or a generic one.
        InstitutionReplacement = "institution_replacement",
        /// An amount of money is told in another currency.
        CurrencyConversion = "currency_conversion",
        /// The tone is another.
        ToneAdjustment = "tone_adjustment",
        /// Legal or tax advice for one country was taken out.
        LegalRemoval = "legal_removal",
        /// Something that only Germans know.
        CulturalReference = "cultural_reference",
        /// A law or an authority's rule.
        RegulatoryContext = "regulatory_context",
        /// None of these.
        Other = "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_can_be_read_back() {
        macro_rules! round_trip {
            ($($name:ident),+) => {$(
                for word in $name::ALL {
                    assert_eq!(word.as_str().parse::<$name>().unwrap(), *word);
                    let json = serde_json::to_string(word).unwrap();
                    assert_eq!(serde_json::from_str::<$name>(&json).unwrap(), *word);
                }
                assert!("?".parse::<$name>().unwrap_err().to_string().contains("allowed"));
            )+};
        }
        round_trip!(ChangeType, CorrectionCategory, Tier, AdaptationCategory);
    }
}
