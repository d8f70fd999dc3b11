//! `Scribe`: a subscriber that writes down what it hears.

use std::fmt::{Debug, Write};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Metadata};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::SpanRef;

/// Clones write on the same paper.
#[derive(Clone)]
pub(super) struct Scribe {
    lines: Arc<Mutex<Vec<String>>>,
    level: LevelFilter,
    panics_at: &'static str,
}

impl Default for Scribe {
    fn default() -> Self {
        Self { lines: Arc::default(), level: LevelFilter::TRACE, panics_at: "" }
    }
}

impl Scribe {
    pub(super) fn up_to(level: Level) -> Self {
        Self { level: level.into(), ..Self::default() }
    }

    pub(super) fn that_panics_at(panics_at: &'static str) -> Self {
        Self { panics_at, ..Self::default() }
    }

    pub(super) fn heard(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many spans were closed.
    pub(super) fn closed(&self) -> usize {
        self.heard().iter().filter(|line| line.ends_with(" closed")).count()
    }

    fn write(&self, at: &str, line: String) {
        if at == self.panics_at {
            // Without the hook: nothing of it belongs on the screen.
            resume_unwind(Box::new(line));
        }
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// One at a time: with a single subscriber in the process, a call site that another thread comes to first asks that
/// thread's subscriber whether anybody listens, and remembers the answer.
static TURN: Mutex<()> = Mutex::new(());

/// Runs `story`, and `scribe` listens.
pub(super) fn listen(scribe: &Scribe, story: impl FnOnce()) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let subscriber = tracing_subscriber::registry().with(scribe.clone());
    tracing::subscriber::with_default(subscriber, || {
        tracing::callsite::rebuild_interest_cache();
        story();
    });
}

impl Layer<Registry> for Scribe {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, Registry>) -> bool {
        self.level >= *metadata.level()
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, Registry>) {
        let parent = context.span(id).and_then(|span| Some(span.parent()?.name()));
        let what = told(attributes.metadata(), " open", parent, |fields| attributes.record(fields));
        self.write("open", what);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, Registry>) {
        let parent = context.event_span(event).map(|span: SpanRef<'_, Registry>| span.name());
        self.write("event", told(event.metadata(), "", parent, |fields| event.record(fields)));
    }

    fn on_close(&self, id: Id, context: Context<'_, Registry>) {
        let name = context.span(&id).map_or("?", |span| span.name());
        self.write("close", format!("{name} closed"));
    }
}

/// `regatta INFO finished in task: attempts=1`.
fn told(
    metadata: &Metadata<'_>,
    how: &str,
    parent: Option<&str>,
    record: impl FnOnce(&mut Fields),
) -> String {
    let (target, level, name) = (metadata.target(), metadata.level(), metadata.name());
    let mut fields = Fields(format!("{target} {level} {name}{how} in {}:", parent.unwrap_or("nothing")));
    record(&mut fields);
    fields.0
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").expect("a string takes all");
    }
}
