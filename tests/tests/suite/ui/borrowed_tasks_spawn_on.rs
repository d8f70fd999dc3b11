//! Tasks that borrow run in place only: on an executor, they could outlive what they borrow.

use regatta::Runner;

fn main() {
    let url = String::from("https://example.org");
    let mut runner = Runner::new();
    runner.add("user1", async { Ok::<_, std::io::Error>(url.len()) }).unwrap();
    smol::block_on(runner.spawn_on(|task| smol::spawn(task).detach()));
}
