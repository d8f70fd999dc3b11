//! A run is single use: the first one consumes the runner.

use regatta::Runner;

async fn fetch() -> Result<u8, std::io::Error> {
    Ok(1)
}

fn main() {
    let mut runner = Runner::new();
    runner.add("user1", fetch()).unwrap();
    smol::block_on(runner.run());
    smol::block_on(runner.run());
}
