//! What the body of a scope does.

use super::{Act, Draw, Tick};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum BodyStep {
    Sleep(Tick),
    Do(Act),
    /// Spawns the plan with this number when there is a slot.
    WhenFree(usize),
    /// Reads a result.
    Read,
    /// Reads all of them.
    ReadAll,
    /// Ends, well or not.
    Return(bool),
}

/// What comes after a wait for tasks may meet others at the same moment; only what doesn't depend on their order
/// follows at once.
pub(in super::super) fn body(draw: &mut Draw<'_>, count: usize) -> Vec<BodyStep> {
    let mut steps = Vec::new();
    let mut alone = true;
    for _ in 0..2 + draw.below(12) {
        let step = match draw.below(10) {
            0..4 => BodyStep::Do(Act::Add(draw.below(count))),
            4 => BodyStep::Do(draw.act(count)),
            5 => BodyStep::WhenFree(draw.below(count)),
            6 | 7 => BodyStep::Read,
            _ => BodyStep::Sleep(draw.pause(8)),
        };
        let depends = matches!(step, BodyStep::Do(act) if !matches!(act, Act::Add(_)));
        if depends && !alone {
            steps.push(BodyStep::Sleep(draw.pause(8)));
        }
        alone = match step {
            BodyStep::Sleep(_) => true,
            BodyStep::Do(_) => alone || depends,
            _ => false,
        };
        steps.push(step);
    }
    if draw.sometimes(6) {
        steps.push(BodyStep::ReadAll);
    }
    let well = draw.sometimes(7);
    if !well {
        steps.push(BodyStep::Sleep(draw.pause(8)));
    }
    steps.push(BodyStep::Return(well));
    steps
}
