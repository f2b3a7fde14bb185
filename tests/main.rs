//! Journeys with the real binary.
