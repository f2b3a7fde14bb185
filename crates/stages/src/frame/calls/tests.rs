//! The pace and the pause, told the time by the test.

use super::*;

fn at(time: &str) -> UtcTime {
    format!("2026-11-22T{time}Z").parse().unwrap()
}

#[test]
fn a_clock_that_is_set_back_stalls_nothing() {
    let pace = Pace::new(2);
    let wait = |time: &str| pace.take(at(time)).map(Start::spend).err();
    assert_eq!(wait("10:30:00"), None);
    assert_eq!(wait("10:30:20"), None);
    assert_eq!(wait("10:30:30"), Some(Duration::from_secs(30)));
    assert_eq!(wait("09:30:00"), None, "an hour earlier, nothing has started yet");

    assert!(is_ahead(at("10:31:00"), at("10:30:00")));
    assert!(!is_ahead(at("10:31:00"), at("10:31:00")));
    assert!(!is_ahead(at("10:31:00"), at("09:31:00")));
}

#[test]
fn a_start_that_sends_nothing_is_given_back() {
    let pace = Pace::new(1);
    drop(pace.take(at("10:30:00")).unwrap());
    pace.take(at("10:30:01")).unwrap().spend();
    assert_eq!(pace.take(at("10:30:02")).err(), Some(Duration::from_secs(59)));
}
