//! A task that spawns others needs a handle of its own: a clone, or the one from `spawn_with`.

fn main() {
    let run = regatta::scope(4, async |s| {
        s.spawn(1, async {
            let _ = s.spawn(2, async { Ok(2) });
            Ok::<_, std::io::Error>(1)
        })?;
        Ok::<_, regatta::AddError>(())
    });
    smol::block_on(run.unwrap()).unwrap();
}
