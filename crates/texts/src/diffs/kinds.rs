//! The closed sets of words that occur in the two diffs only.

use btcedu_domain::text_enum;

text_enum! {
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

text_enum! {
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

text_enum! {
    /// How far an adaptation goes.
    Tier as "tier" {
        /// Mechanical: by rule and list.
        T1 = "T1",
        /// Editorial: always for the reviewer.
        T2 = "T2",
    }
}

text_enum! {
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
