use super::*;

#[test]
fn smoke() {
    let sim = Sim::new(1);
    let start = sim.clock().now();
    let woke = sim.run(async {
        sim.sleep(Duration::from_secs(900)).await;
        sim.clock().now()
    });
    assert_eq!(woke.map(|time| time.since(start)), Ok(Duration::from_secs(900)));
}
