//! A report in a format of `serde`. Feature `serde`; the shape is documented at [`Report`].

use super::moment::rfc3339;
use super::{Attempt, Counts, Report, StopReason, TaskReport};
use crate::text::displayed;
use regatta_core::Time;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::fmt::Display;

/// The shape that [`Report`] documents.
impl<K: Serialize, T: Serialize, E: Display> Serialize for Report<K, T, E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let panic = match &self.stopped {
            StopReason::Panicked(panic) => Some(panic.message()),
            StopReason::Completed
            | StopReason::TimedOut
            | StopReason::Cancelled
            | StopReason::StopRule
            | StopReason::Idle
            | StopReason::NotSpawned => None,
        };
        let fields = 5 + usize::from(self.name.is_some()) + usize::from(panic.is_some());
        let mut report = serializer.serialize_struct("Report", fields)?;
        optional(&mut report, "name", self.name.as_ref())?;
        let began = rfc3339(self.began.wall, humantime::format_rfc3339_millis);
        report.serialize_field("began", &began.to_string())?;
        report.serialize_field("elapsed", &self.elapsed().as_secs_f64())?;
        report.serialize_field("stopped", &self.stopped)?;
        optional(&mut report, "panic", panic)?;
        report.serialize_field("counts", &self.counts())?;
        report.serialize_field("tasks", &Tasks(self))?;
        report.end()
    }
}

/// As in a [`Report`]'s `tasks`, but a task on its own doesn't know when its run began: its times are counted from
/// when it was queued, so `queued` is 0.
impl<K: Serialize, T: Serialize, E: Display> Serialize for TaskReport<K, T, E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Since { origin: self.queued, what: self }.serialize(serializer)
    }
}

/// All seven counts, also those that are zero.
impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { ok, failed, panicked, timed_out, cancelled, not_started, refused } = self;
        let mut counts = serializer.serialize_struct("Counts", 7)?;
        counts.serialize_field("ok", ok)?;
        counts.serialize_field("failed", failed)?;
        counts.serialize_field("panicked", panicked)?;
        counts.serialize_field("timed_out", timed_out)?;
        counts.serialize_field("cancelled", cancelled)?;
        counts.serialize_field("not_started", not_started)?;
        counts.serialize_field("refused", refused)?;
        counts.end()
    }
}

/// One of the words `completed`, `timed_out`, `cancelled`, `stop_rule`, `idle`, `panicked`, `not_spawned`.
impl Serialize for StopReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Completed => "completed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::StopRule => "stop_rule",
            Self::Idle => "idle",
            Self::Panicked(_) => "panicked",
            Self::NotSpawned => "not_spawned",
        })
    }
}

struct Tasks<'a, K, T, E>(&'a Report<K, T, E>);

impl<K: Serialize, T: Serialize, E: Display> Serialize for Tasks<'_, K, T, E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(report) = self;
        serializer.collect_seq(report.tasks.iter().map(|what| Since { origin: report.began.at, what }))
    }
}

/// Something whose times are told in seconds since `origin`.
struct Since<'a, W: ?Sized> {
    origin: Time,
    what: &'a W,
}

impl<W: ?Sized> Since<'_, W> {
    fn seconds(&self, time: Time) -> f64 {
        time.since(self.origin).as_secs_f64()
    }
}

impl<K: Serialize, T: Serialize, E: Display> Serialize for Since<'_, TaskReport<K, T, E>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let task = self.what;
        let (started, ended) = (task.started(), task.ended());
        let retried = Some(task.retried()).filter(|retried| !retried.is_empty());
        let optionals = [started.is_some(), ended.is_some(), retried.is_some()];
        let fields = 5 + optionals.iter().filter(|is_there| **is_there).count();
        let mut fields = serializer.serialize_struct("TaskReport", fields)?;
        fields.serialize_field("key", &task.key)?;
        fields.serialize_field("state", &task.state().replace(' ', "_"))?;
        match &task.result {
            Ok(value) => fields.serialize_field("value", value)?,
            Err(error) => fields.serialize_field("error", &displayed(error))?,
        }
        fields.serialize_field("attempts", &task.attempts)?;
        let retried = retried.map(|what| Since { origin: self.origin, what });
        optional(&mut fields, "failed_attempts", retried.as_ref())?;
        fields.serialize_field("queued", &self.seconds(task.queued))?;
        optional(&mut fields, "started", started.map(|time| self.seconds(time)))?;
        optional(&mut fields, "ended", ended.map(|time| self.seconds(time)))?;
        fields.end()
    }
}

impl<E: Display> Serialize for Since<'_, [Attempt<E>]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.what.iter().map(|what| Since { origin: self.origin, what }))
    }
}

impl<E: Display> Serialize for Since<'_, Attempt<E>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Attempt", 3)?;
        fields.serialize_field("error", &displayed(&self.what.error))?;
        fields.serialize_field("started", &self.seconds(self.what.started))?;
        fields.serialize_field("ended", &self.seconds(self.what.ended))?;
        fields.end()
    }
}

/// A field that is left out where there is nothing.
fn optional<S: SerializeStruct>(
    fields: &mut S,
    name: &'static str,
    value: Option<impl Serialize>,
) -> Result<(), S::Error> {
    match value {
        Some(value) => fields.serialize_field(name, &value),
        None => fields.skip_field(name),
    }
}
