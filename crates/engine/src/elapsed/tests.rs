use super::*;

fn text(duration: Duration) -> String {
    Elapsed(duration).to_string()
}

#[test]
fn three_digits_up_to_a_minute() {
    let cases = [
        (0, "0 ns"),
        (1, "1 ns"),
        (999, "999 ns"),
        (1_000, "1.00 µs"),
        (1_505, "1.51 µs"),
        (10_049, "10.0 µs"),
        (99_940, "99.9 µs"),
        (99_950, "100 µs"),
        (999_499, "999 µs"),
        (999_500, "1.00 ms"),
        (60_000_000, "60.0 ms"),
        (1_500_000_000, "1.50 s"),
        (9_999_000_000, "10.0 s"),
        (59_949_999_999, "59.9 s"),
    ];
    for (nanos, expected) in cases {
        assert_eq!(text(Duration::from_nanos(nanos)), expected, "{nanos}");
    }
}

#[test]
fn two_units_from_a_minute_on() {
    let cases = [
        (59.96, "1 min"),
        (60.0, "1 min"),
        (61.4, "1 min 1 s"),
        (61.5, "1 min 2 s"),
        (119.7, "2 min"),
        (3_599.4, "59 min 59 s"),
        (3_599.6, "1 h"),
        (3_600.0, "1 h"),
        (5_400.0, "1 h 30 min"),
        (86_369.0, "23 h 59 min"),
        (86_370.0, "1 d"),
        (273_600.0, "3 d 4 h"),
    ];
    for (seconds, expected) in cases {
        assert_eq!(text(Duration::from_secs_f64(seconds)), expected, "{seconds}");
    }
}

#[test]
fn the_longest_is_told_too() {
    assert!(text(Duration::MAX).ends_with(" h"), "{}", text(Duration::MAX));
    assert_eq!(format!("{:<6}|", Elapsed(Duration::ZERO)), "0 ns  |");
}
