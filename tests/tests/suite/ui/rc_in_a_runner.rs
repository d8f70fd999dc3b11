//! A runner's tasks are `Send`, so that its driver is.

use regatta::Runner;
use std::rc::Rc;

fn main() {
    let shared = Rc::new(1);
    let mut runner = Runner::new();
    runner.add("user1", async { Ok::<_, std::io::Error>(*shared) }).unwrap();
    smol::block_on(runner.run());
}
