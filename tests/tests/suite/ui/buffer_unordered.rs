//! The shapes that `regatta::map` takes inside a spawned task, and `buffer_unordered` does not.

use futures::stream::{StreamExt, iter};

async fn io(n: usize) -> usize {
    n
}

async fn len(text: &String) -> usize {
    text.len()
}

fn spawned(_: impl Future + Send + 'static) {}

fn fn_item_ref() {
    spawned(async {
        let names = vec![String::new()];
        iter(&names).map(len).buffer_unordered(8).collect::<Vec<_>>().await.len()
    });
}

fn async_closure_ref() {
    spawned(async {
        let names = vec![String::new()];
        let base = 1;
        iter(&names).map(async |name| io(name.len() + base).await).buffer_unordered(8).collect::<Vec<_>>().await.len()
    });
}

fn closure_ref() {
    spawned(async {
        let names = vec![String::new()];
        iter(&names).map(|name| async move { io(name.len()).await }).buffer_unordered(8).collect::<Vec<_>>().await.len()
    });
}

fn result_ref() {
    spawned(async {
        let names = vec![String::new()];
        let each = |name| async move {
            io(1).await;
            name
        };
        iter(&names).map(each).buffer_unordered(8).collect::<Vec<&String>>().await.len()
    });
}

fn iter_map_ref() {
    spawned(async {
        let names = vec![String::new()];
        let items = names.iter().filter(|name| name.is_empty()).enumerate();
        iter(items).map(|(_, name)| len(name)).buffer_unordered(8).collect::<Vec<_>>().await.len()
    });
}

fn iter_map() {
    spawned(async {
        let names = vec![String::new()];
        iter(names.iter().map(|name| name.len())).map(io).buffer_unordered(8).collect::<Vec<_>>().await.len()
    });
}

fn owned() {
    spawned(async {
        let base = 1;
        iter(vec![1, 2]).map(async |n| io(n + base).await).buffer_unordered(8).collect::<Vec<_>>().await.len()
    });
}

fn main() {
    owned();
    fn_item_ref();
    async_closure_ref();
    closure_ref();
    result_ref();
    iter_map();
    iter_map_ref();
}
