//! Additive increase and multiplicative decrease of a ceiling, on load.

use super::Load;
use crate::Adaptive;
use regatta_core::ConfigError;

/// To which part of the limit the ceiling falls.
const FALL: f64 = 0.7;
/// Below this part of its maximum a load lets the ceiling rise; in between it stays, so that it doesn't swing.
const CALM: f64 = 0.9;

pub(super) fn check(max: Load) -> Result<(), ConfigError> {
    for (field, max) in [("cpu", max.cpu), ("memory", max.memory)] {
        if let Some(max) = max
            && !(max > 0.0 && max <= 1.0)
        {
            return Err(ConfigError::new(field, max, "must be above 0 and at most 1"));
        }
    }
    if max == Load::new() {
        return Err(ConfigError::new("max", "nothing", "must have a maximum for cpu or memory"));
    }
    Ok(())
}

pub(super) fn apply(limit: &mut Adaptive, load: Load, max: Load) {
    let loads = [load.cpu.zip(max.cpu), load.memory.zip(max.memory)];
    let known = || loads.into_iter().flatten();
    let ceiling = if known().any(|(load, max)| load > max) {
        let limit = limit.limit();
        Some(((limit as f64 * FALL) as usize).clamp(1, limit.saturating_sub(1).max(1)))
    } else if known().next().is_some() && known().all(|(load, max)| load < CALM * max) {
        let step = (limit.learned() / 20).max(1);
        let raised = limit.ceiling().map(|ceiling| ceiling.saturating_add(step));
        raised.filter(|ceiling| *ceiling < limit.learned())
    } else {
        limit.ceiling()
    };
    // It is refused only if it is zero, and it is not.
    let _ = limit.set_ceiling(ceiling);
}
