use super::*;

fn filled(size: u32, results: u32, slow: bool) -> CountWindow {
    let mut window = CountWindow::new(size);
    for _ in 0..results {
        let _ = window.add(Sample { failed: true, slow }, slow);
    }
    window
}

fn words(window: &CountWindow) -> (usize, usize) {
    (window.failed.0.capacity(), window.slow.0.capacity())
}

#[test]
fn it_takes_memory_only_for_what_it_has_seen() {
    assert_eq!(words(&filled(u32::MAX, 0, true)), (0, 0));
    assert_eq!(words(&filled(u32::MAX, 1_000, true)), (16, 16));
}

#[test]
fn slow_calls_take_none_unless_they_count() {
    assert_eq!(words(&filled(64, 64, false)), (1, 0));
}

#[test]
fn full_it_takes_an_eighth_of_a_byte_per_result() {
    assert_eq!(words(&filled(10_000, 30_000, true)), (157, 157));
}

#[test]
fn while_all_goes_well_it_takes_none() {
    let mut window = CountWindow::new(1_000);
    for _ in 0..3_000 {
        let _ = window.add(Sample { failed: false, slow: false }, true);
    }
    assert_eq!(words(&window), (0, 0));
    let _ = window.add(Sample { failed: true, slow: false }, true);
    assert_eq!(words(&window), (1, 0), "it is the first of the fourth thousand");
}

#[test]
fn failures_that_have_left_leave_no_trace() {
    let (good, bad) = (Sample { failed: false, slow: false }, Sample { failed: true, slow: true });
    let [mut well, mut failed] = [CountWindow::new(200), CountWindow::new(200)];
    for window in [&mut well, &mut failed] {
        let _ = window.add(good, true);
    }
    for number in 1..200 {
        let _ = failed.add(if number == 150 { bad } else { good }, true);
        let _ = well.add(good, true);
        assert_eq!(well == failed, number < 150, "{number}");
    }
    for number in 0..200 {
        let _ = failed.add(good, true);
        let _ = well.add(good, true);
        assert_eq!(well == failed, number >= 150, "{number}");
        assert_eq!(failed == well, number >= 150, "{number}");
    }
}
