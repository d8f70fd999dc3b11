//! A limit of 0, with which others wait for ever, is refused by whatever takes a limit.

use crate::runner::support::{Fault, ends};
use regatta::{
    AddError, BlockingRunner, ConfigError, Local, Runner, Scope, for_each_ok, for_each_sync, race, scope,
    scope_local, stream, try_map,
};
use regatta_tests::Watchdog;
use std::future::Ready;

fn never(_: u8) -> Ready<Result<u8, Fault>> {
    unreachable!("nothing is called")
}

#[track_caller]
fn assert_refused<T>(face: Result<T, ConfigError>) {
    let Err(refused) = face else { panic!("a limit of 0 was taken") };
    assert_eq!(refused.to_string(), "limit = 0: must be at least 1");
}

#[test]
fn a_limit_of_zero_hung_for_ever() {
    assert_refused(Runner::<u8, u8, Fault>::new().limit(0));
    assert_refused(Runner::<u8, u8, Fault, Local>::local().limit(0));
    assert_refused(BlockingRunner::<u8, u8, Fault>::new().limit(0));
    assert_refused(try_map([1], 0, never));
    assert_refused(race([1], 0, never));
    assert_refused(stream([1], 0, never));
    assert_refused(for_each_sync([1], 0, never, |_| unreachable!("nothing comes")));
    assert_refused(for_each_ok([1], 0, async |n: u8| n, async |_| unreachable!("no body is made")));
    assert_refused(scope(0, async |_: Scope<'_, u8, u8, Fault>| Ok::<_, Fault>(())));
    assert_refused(scope_local(0, async |_| Ok::<(), Fault>(())).map(drop::<LocalRun<_, _, _>>));
}

/// Says what the tasks of a scope would be that never gets any.
type LocalRun<B, R, X> = regatta::ScopeRun<'static, u8, u8, Fault, B, R, X, Local>;

#[test]
fn a_limit_that_was_set_to_zero_on_the_way_hung_for_ever() {
    let _watchdog = Watchdog::new();
    let mut runner = Runner::new();
    let handle = runner.handle();
    runner
        .add("a", async move {
            assert_refused(handle.set_limit(0));
            Ok::<u8, Fault>(1)
        })
        .unwrap();
    runner.add("b", async { Ok(2) }).unwrap();
    assert_eq!(ends(&smol::block_on(runner.run())), ["ok 1", "ok 2"]);

    let mut runner = BlockingRunner::new();
    let handle = runner.handle();
    assert_refused(handle.set_limit(0));
    runner.add("a", || Ok::<u8, Fault>(1)).unwrap();
    assert_eq!(ends(&runner.run()), ["ok 1"]);

    let body = async |s: Scope<'_, &'static str, u8, Fault>| {
        assert_refused(s.set_limit(0));
        s.spawn("a", async { Ok(1) })?;
        let (_, result) = s.next().await.expect("the limit is as it was");
        assert_eq!(result.unwrap(), 1);
        Ok::<_, AddError>(())
    };
    smol::block_on(scope(1, body).unwrap()).unwrap();
}
