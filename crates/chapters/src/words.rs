//! Enums that occur only in chapter documents.

use btcedu_domain::text_enum;

text_enum! {
    /// The kind of an overlay.
    OverlayType as "kind of overlay" {
        /// A line at the bottom of the picture.
        LowerThird = "lower_third",
        /// A heading.
        Title = "title",
        /// A quotation.
        Quote = "quote",
        /// A figure.
        Statistic = "statistic",
    }
}

text_enum! {
    /// How one chapter changes to the next.
    TransitionType as "transition" {
        /// Through black.
        Fade = "fade",
        /// At once.
        Cut = "cut",
        /// One picture blends into the other.
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
