//! What can be misused is refused when it is said, with its name, value and rule.

use crate::runner::support::Fault;
use regatta::{ConfigError, Runner, StopOn, for_each, map, map_ok};

fn assert_refuses_zero(refused: &ConfigError, field: &str) {
    assert_eq!(refused, &ConfigError { field: refused.field, value: "0".into(), rule: "must be at least 1" });
    assert_eq!(refused.field, field);
    assert_eq!(refused.to_string(), format!("{field} = 0: must be at least 1"));
}

#[test]
fn a_zero_limit_is_refused_everywhere() {
    async fn ok(n: u8) -> Result<u8, Fault> {
        Ok(n)
    }
    let refused = Runner::<u8, u8, Fault>::new().limit(0).unwrap_err();
    assert_refuses_zero(&refused, "limit");
    assert_refuses_zero(&map([1], 0, ok).unwrap_err(), "limit");
    assert_refuses_zero(&map_ok([1], 0, async |n| n).unwrap_err(), "limit");
    let never = async |_| unreachable!("the body is not even made");
    let refused = for_each::<_, _, _, _, _, _, _, ()>([1], 0, ok, never).unwrap_err();
    assert_refuses_zero(&refused, "limit");
}

#[test]
fn zero_failures_are_refused() {
    assert_refuses_zero(&StopOn::failures(0).unwrap_err(), "failures");
}

#[test]
fn a_refused_map_calls_nothing() {
    let items = std::iter::from_fn(|| -> Option<u8> { unreachable!("the iterator is not asked") });
    let task = async |_| -> Result<u8, Fault> { unreachable!("the function is not called") };
    assert!(map(items, 0, task).is_err());
}
