//! Tasks may borrow what outlives the scope, and locals of its body don't.

fn main() {
    let run = regatta::scope(4, async |s| {
        let url = String::from("https://example.org");
        s.spawn("user1", async { Ok::<_, std::io::Error>(url.len()) })?;
        Ok::<_, regatta::AddError>(())
    });
    smol::block_on(run.unwrap()).unwrap();
}
