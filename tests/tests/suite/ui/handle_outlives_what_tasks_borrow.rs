//! A handle may leave its scope, but not what the scope's tasks borrow.

fn main() {
    let url = String::from("https://example.org");
    let run = regatta::scope(4, async |s| {
        s.spawn("user1", async { Ok::<_, std::io::Error>(url.len()) })?;
        Ok::<_, regatta::AddError>(s.clone())
    });
    let escaped = smol::block_on(run.unwrap()).unwrap();
    drop(url);
    escaped.stop();
}
