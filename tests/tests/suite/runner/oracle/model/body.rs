//! The body of a scope in the model.

use super::Model;
use super::entry::{Entry, State};
use crate::runner::oracle::outcome::{ANYTHING, Who};
use crate::runner::oracle::program::{BodyStep, Tick};
use std::collections::VecDeque;

pub(super) struct Body<'a> {
    steps: &'a [BodyStep],
    until: Option<Tick>,
    /// Results that nobody has read. Of those that came at one moment in no order, the moment.
    results: VecDeque<(usize, String, Option<Tick>)>,
    /// What was read last came with others in no order.
    beside: Option<Tick>,
    /// Once it has ended.
    pub(super) returned: Option<bool>,
}

impl<'a> Body<'a> {
    pub(super) fn new(steps: &'a [BodyStep]) -> Self {
        Self { steps, until: None, results: VecDeque::new(), beside: None, returned: None }
    }

    pub(super) fn done(&mut self, key: usize, how: String, beside: Option<Tick>) {
        self.results.push_back((key, how, beside));
    }

    pub(super) fn wakes_at(&self) -> Option<Tick> {
        self.until
    }

    fn read(&mut self) -> Option<String> {
        let (key, how, beside) = self.results.pop_front()?;
        let next = self.results.front().and_then(|(_, _, next)| *next);
        let open = beside.is_some() && (beside == next || beside == self.beside);
        self.beside = beside;
        Some(if open { format!("read {ANYTHING}") } else { format!("read {key}: {how}") })
    }
}

impl Model<'_> {
    /// Until it waits for something that has not come. Whether it did anything.
    pub(super) fn go_on_with_the_body(&mut self) -> bool {
        let mut goes_on = false;
        while let Some(body) = &mut self.body
            && let Some((step, rest)) = body.steps.split_first()
        {
            let now = self.now;
            let note = match *step {
                BodyStep::Sleep(pause) => {
                    if *body.until.get_or_insert(now + pause) > now {
                        return goes_on;
                    }
                    body.until = None;
                    None
                }
                BodyStep::Do(act) => {
                    body.steps = rest;
                    goes_on = true;
                    self.act(Who::Body, act);
                    continue;
                }
                BodyStep::Read | BodyStep::ReadAll => {
                    let read = body.read();
                    let is_all = *step == BodyStep::ReadAll;
                    match read {
                        Some(read) => {
                            self.notes.push(Who::Body, now, read);
                            if is_all {
                                continue;
                            }
                            None
                        }
                        None if self.entries.iter().any(Entry::is_alive) => return goes_on,
                        None => Some("read nothing".to_owned()),
                    }
                }
                BodyStep::WhenFree(plan) => {
                    let waits = |entry: &&Entry<'_>| matches!(entry.state, State::Waiting);
                    let taken = self.occupied() + self.entries.iter().filter(waits).count();
                    let has_room = taken < self.limit.unwrap_or(usize::MAX);
                    if !has_room && self.is_open() {
                        return goes_on;
                    }
                    Some(self.add(plan))
                }
                BodyStep::Return(well) => {
                    body.returned = Some(well);
                    self.is_stop_asked |= !well;
                    None
                }
            };
            goes_on = true;
            if let Some(body) = &mut self.body {
                body.steps = rest;
            }
            if let Some(note) = note {
                self.notes.push(Who::Body, now, note);
            }
        }
        goes_on
    }
}
