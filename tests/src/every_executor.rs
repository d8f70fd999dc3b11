//! The macro that turns one story into five tests.

/// Makes a module of five tests from each story: `smol`, `tokio_multi_thread`, `tokio_current_thread`, `futures`, and
/// `sim`, which tells it for 50 seeds unless `REGATTA_SEEDS` says otherwise.
///
/// The story is an `async fn name(world: World)`; its future need not be `Send`. See the crate's page for an example.
#[macro_export]
macro_rules! on_every_executor {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident: $World:ty) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "not every story uses what stands around it")]
            use super::*;

            async fn story($world: $World) $body

            #[test]
            fn smol() {
                $crate::executors::smol(story);
            }

            #[test]
            fn tokio_multi_thread() {
                $crate::executors::tokio_multi_thread(story);
            }

            #[test]
            fn tokio_current_thread() {
                $crate::executors::tokio_current_thread(story);
            }

            #[test]
            fn futures() {
                $crate::executors::futures(story);
            }

            #[test]
            fn sim() {
                $crate::executors::sim(story);
            }
        }
    )+};
}
