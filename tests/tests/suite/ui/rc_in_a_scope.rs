//! A scope's tasks are `Send`, so that the future around them is; `scope_local` is for others.

use std::rc::Rc;

fn main() {
    let shared = Rc::new(1);
    let run = regatta::scope(4, async |s| {
        s.spawn("user1", async { Ok::<_, std::io::Error>(*shared) })?;
        Ok::<_, regatta::AddError>(())
    });
    smol::block_on(run.unwrap()).unwrap();
}
