//! Factories that panic, and who listens to spans.

use crate::runner::handles::{later, owned};
use crate::runner::support::{Fault, ends, secs};
use regatta::{Ctx, Runner};
use regatta_tests::{World, on_every_executor};
use std::future::{Ready, pending};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

on_every_executor! {
    async fn the_token_of_a_factory_that_panicked_was_told_at_the_end_of_the_run(world: World) {
        let token = Arc::new(Mutex::new(None));
        let kept = token.clone();
        let mut runner = Runner::new().clock(world.clock());
        runner
            .add_with("panics", move |ctx: Ctx| -> Ready<Result<u8, Fault>> {
                *kept.lock().unwrap() = Some(ctx.token().clone());
                resume_unwind(Box::new("no task today"))
            })
            .unwrap();
        runner.add("long", owned(&world, secs(10), Ok(1))).unwrap();
        let heard = Arc::new(Mutex::new(None));
        let (said, asked) = (heard.clone(), token.clone());
        later(&world, secs(5), move || {
            *said.lock().unwrap() = Some(asked.lock().unwrap().as_ref().unwrap().is_cancelled());
        });
        assert_eq!(ends(&runner.run().await), ["panicked: no task today", "ok 1"]);
        assert_eq!(*heard.lock().unwrap(), Some(true));
    }
}

/// A subscriber that can't bear that a span is entered.
struct Allergic;

impl tracing::Subscriber for Allergic {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::Id {
        tracing::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::Id, _: &tracing::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &tracing::Id) {
        resume_unwind(Box::new("not again"));
    }

    fn exit(&self, _: &tracing::Id) {}
}

/// Panics when it is dropped, also where a second panic would end the process.
struct Charge;

impl Drop for Charge {
    fn drop(&mut self) {
        resume_unwind(Box::new("a charge"));
    }
}

#[test]
fn a_subscriber_that_panicked_took_the_task_with_it() {
    tracing::subscriber::with_default(Allergic, || {
        let mut runner = Runner::new().traced();
        runner.add("a", async { Ok::<u8, Fault>(1) }).unwrap();
        assert_eq!(ends(&smol::block_on(runner.run())), ["ok 1"]);
    });
}

#[test]
fn a_subscriber_that_panicked_while_a_task_was_dropped_that_panics_ended_the_process() {
    tracing::subscriber::with_default(Allergic, || {
        let mut runner = Runner::new().traced();
        let handle = runner.handle();
        let charge = Charge;
        runner
            .add("charged", async move {
                let _kept = charge;
                pending::<Result<u8, Fault>>().await
            })
            .unwrap();
        runner
            .add("stops", async move {
                handle.stop();
                Ok(1)
            })
            .unwrap();
        assert_eq!(ends(&smol::block_on(runner.run())), ["cancelled", "ok 1"]);
    });
}

/// Tells in which span each task's span was opened.
#[derive(Clone, Default)]
struct Parents(Arc<Mutex<Vec<String>>>);

impl<S> tracing_subscriber::Layer<S> for Parents
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fn on_new_span(
        &self,
        _: &tracing::span::Attributes<'_>,
        id: &tracing::Id,
        context: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let span = context.span(id).expect("it is new");
        let parent = span.parent().map_or("nothing", |parent| parent.name());
        self.0.lock().unwrap().push(format!("{} in {parent}", span.name()));
    }
}

#[test]
fn the_span_of_a_task_that_a_handle_added_was_opened_where_the_driver_was() {
    use tracing_subscriber::layer::SubscriberExt;
    let parents = Parents::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(parents.clone()), || {
        let mut runner = Runner::new().traced();
        let handle = runner.handle();
        tracing::info_span!("request").in_scope(|| {
            runner.add("runner", async { Ok::<u8, Fault>(1) }).unwrap();
            handle.add("handle", async { Ok(1) }).unwrap();
            runner.add("runner again", async { Ok(1) }).unwrap();
        });
        smol::block_on(runner.run());
    });
    let expected = ["request in nothing", "task in request", "task in request", "task in request"];
    assert_eq!(*parents.0.lock().unwrap(), expected);
}
