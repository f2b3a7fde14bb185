//! The best that any program could do: calls start the moment a place is free.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

/// Returns when the last picture arrives, if nothing but the calls took time.
///
/// `own` tells per chapter whether it has a prompt of its own; the others wait for a text first.
pub(crate) fn ideal(
    own: &[bool],
    text: Duration,
    image: Duration,
    text_places: usize,
    image_places: usize,
) -> Duration {
    let mut texts = Places::new(text_places);
    let mut ready: Vec<Duration> =
        own.iter().map(|own| if *own { Duration::ZERO } else { texts.take(Duration::ZERO, text) }).collect();
    ready.sort_unstable();
    let mut images = Places::new(image_places);
    ready.into_iter().map(|at| images.take(at, image)).max().unwrap_or_default()
}

/// Places that are each busy until some time; the one that is free first is taken first.
struct Places(BinaryHeap<Reverse<Duration>>);

impl Places {
    fn new(count: usize) -> Self {
        Self(std::iter::repeat_n(Reverse(Duration::ZERO), count.max(1)).collect())
    }

    /// Takes a place from `ready` on, and returns when it is free again.
    fn take(&mut self, ready: Duration, length: Duration) -> Duration {
        let free = self.0.pop().map_or(Duration::ZERO, |Reverse(at)| at);
        let end = free.max(ready) + length;
        self.0.push(Reverse(end));
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ideal_is_that_of_a_hand_made_schedule() {
        let second = Duration::from_secs(1);
        // Eight own prompts on four places: two rounds.
        assert_eq!(ideal(&[true; 8], second, second, 4, 4), second * 2);
        // Four texts, then four pictures.
        assert_eq!(ideal(&[false; 4], second, second, 4, 4), second * 2);
        // Four own at once, the other four's texts meanwhile.
        let mixed: Vec<bool> = (0..8).map(|n| n % 2 == 0).collect();
        assert_eq!(ideal(&mixed, second, second, 4, 4), second * 2);
        assert_eq!(ideal(&[], second, second, 4, 4), Duration::ZERO);
    }
}
