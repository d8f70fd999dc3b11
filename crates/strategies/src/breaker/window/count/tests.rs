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
