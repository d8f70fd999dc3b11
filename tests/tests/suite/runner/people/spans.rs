//! What a `tracing` subscriber hears of a run. In a process of its own: a subscriber that all threads share is there
//! for good.

use super::stage;
use crate::runner::support::{Fault, after, secs};
use regatta::{Backoff, Runner};
use regatta_tests::{World, executors};
use std::fmt::{Debug, Write};
use std::process::Command;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber, info, info_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// Writes down spans that open and close, and events with all the spans around them.
#[derive(Clone, Default)]
struct Scribe(Arc<Mutex<Vec<String>>>);

impl Scribe {
    fn write(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// How a span is written down, with its fields.
struct Name(String);

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        }
        .expect("a string takes all");
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Scribe {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).expect("it is new");
        let mut fields = Fields(span.name().to_owned());
        attributes.record(&mut fields);
        let parent = span.parent().map_or("nothing", |parent| parent.name());
        self.write(format!("{} opens in {parent}", fields.0));
        span.extensions_mut().insert(Name(fields.0));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = String::new();
        for span in context.event_scope(event).into_iter().flatten() {
            let extensions = span.extensions();
            let name = extensions.get::<Name>().map_or("", |name| name.0.as_str());
            line.insert_str(0, &format!("{}: ", name.rsplit(' ').nth(1).unwrap_or(name)));
        }
        let mut fields = Fields(format!("{line}{} ", event.metadata().level()));
        event.record(&mut fields);
        self.write(fields.0);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).expect("it is kept until then");
        let extensions = span.extensions();
        self.write(format!("{} closes", extensions.get::<Name>().map_or("", |name| name.0.as_str())));
    }
}

/// Says something before and after its pause.
async fn talks(world: World) -> Result<u8, Fault> {
    info!("at sea");
    world.sleep(secs(1)).await;
    info!("ashore");
    Ok(1)
}

/// Three tasks, one after the other, of which the last is stopped.
fn traced(world: &World) -> Runner<'static, &'static str, u8, Fault> {
    let request = info_span!("request");
    let _request = request.enter();
    let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).timeout(secs(5));
    runner = runner.name("night load").traced();
    runner.add("ann", talks(world.clone())).unwrap();
    let pause = world.clone();
    let fails = move || async move { after(&pause, secs(1), Err("busy")).await };
    runner.add_retry("bob", Backoff::constant(secs(1)).times(1), fails).unwrap();
    runner.add("cyd", std::future::pending()).unwrap();
    runner.add("dan", std::future::pending()).unwrap();
    runner
}

/// What is heard of them; `bob` pauses when `cyd` takes the slot for good.
const HEARD: [&str; 25] = [
    "request opens in nothing",
    r#"task run="night load" key="ann" id=0 opens in request"#,
    r#"task run="night load" key="bob" id=1 opens in request"#,
    r#"task run="night load" key="cyd" id=2 opens in request"#,
    r#"task run="night load" key="dan" id=3 opens in request"#,
    r#"request: key="ann": DEBUG queued"#,
    r#"request: key="bob": DEBUG queued"#,
    r#"request: key="cyd": DEBUG queued"#,
    r#"request: key="dan": DEBUG queued"#,
    r#"request: key="ann": DEBUG started attempt=1"#,
    r#"request: key="ann": INFO at sea"#,
    r#"request: key="ann": INFO ashore"#,
    r#"request: key="ann": INFO finished state="ok" attempts=1"#,
    r#"task run="night load" key="ann" id=0 closes"#,
    r#"request: key="bob": DEBUG started attempt=1"#,
    r#"request: key="bob": WARN retrying attempt=1 delay=1s error="busy""#,
    r#"request: key="cyd": DEBUG started attempt=1"#,
    r#"request: key="cyd": WARN finished state="timed out" attempts=1 error="timed out after 5s""#,
    r#"task run="night load" key="cyd" id=2 closes"#,
    r#"request: key="bob": WARN finished state="failed" attempts=1 error="busy""#,
    r#"task run="night load" key="bob" id=1 closes"#,
    r#"request: key="dan": WARN finished state="not started" attempts=0 error="not started: the run's time was up""#,
    r#"task run="night load" key="dan" id=3 closes"#,
    "request closes",
    "the report is here",
];

#[test]
fn a_run_is_heard_task_by_task_wherever_it_runs() {
    if !stage::is_here() {
        let mut program = Command::new(stage::program());
        program.args(stage::arguments(module_path!(), "a_run_is_heard_task_by_task_wherever_it_runs"));
        let output = stage::set(&mut program).output().expect("the suite can be started");
        let [said, why] =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(output.status.success() && said.contains("1 passed"), "{said}{why}");
        return;
    }
    let scribe = Scribe::default();
    let subscriber = tracing_subscriber::registry().with(scribe.clone());
    tracing::subscriber::set_global_default(subscriber).expect("this process runs one test");
    let in_place = async |world: World| {
        scribe.take();
        drop(traced(&world).run().await);
        scribe.write("the report is here".into());
        assert_eq!(scribe.take(), HEARD);
    };
    let spawned = async |world: World| {
        scribe.take();
        drop(traced(&world).spawn_on(world.executor()).await);
        scribe.write("the report is here".into());
        assert_eq!(scribe.take(), HEARD);
    };
    executors::smol(in_place);
    executors::tokio_multi_thread(in_place);
    executors::tokio_current_thread(in_place);
    executors::futures(in_place);
    executors::sim(in_place);
    executors::smol(spawned);
    executors::tokio_multi_thread(spawned);
    executors::tokio_current_thread(spawned);
    executors::futures(spawned);
    executors::sim(spawned);
}
