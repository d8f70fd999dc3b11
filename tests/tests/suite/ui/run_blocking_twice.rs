//! A run of closures on threads is single use, too.

use regatta::BlockingRunner;

fn main() {
    let mut runner = BlockingRunner::new();
    runner.add("user1", || Ok::<_, std::io::Error>(1)).unwrap();
    runner.run();
    runner.run();
}
