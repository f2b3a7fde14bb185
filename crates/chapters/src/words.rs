//! The closed sets of words that occur in chapter documents only.

use btcedu_domain::text_enum;

text_enum! {
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

text_enum! {
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
