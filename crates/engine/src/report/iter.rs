//! Going through a report: keys and results, in the order of adding.

use super::{Report, TaskReport};
use regatta_core::TaskError;
use std::iter::Map;
use std::{slice, vec};

/// What a task came to, by value.
type Taken<K, T, E> = (K, Result<T, TaskError<E>>);

/// What a task came to, by reference.
type Seen<'a, K, T, E> = (&'a K, &'a Result<T, TaskError<E>>);

/// Keys and results, in the order of adding.
impl<K, T, E> IntoIterator for Report<K, T, E> {
    type Item = Taken<K, T, E>;
    type IntoIter = Map<vec::IntoIter<TaskReport<K, T, E>>, fn(TaskReport<K, T, E>) -> Taken<K, T, E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.tasks.into_iter().map(TaskReport::into_parts)
    }
}

/// Keys and results, in the order of adding.
impl<'a, K, T, E> IntoIterator for &'a Report<K, T, E> {
    type Item = Seen<'a, K, T, E>;
    type IntoIter =
        Map<slice::Iter<'a, TaskReport<K, T, E>>, fn(&'a TaskReport<K, T, E>) -> Seen<'a, K, T, E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.tasks.iter().map(|task| (&task.key, &task.result))
    }
}

impl<K, T, E> Report<K, T, E> {
    /// Keys and results, in the order of adding.
    pub fn iter(&self) -> <&Self as IntoIterator>::IntoIter {
        self.into_iter()
    }
}
