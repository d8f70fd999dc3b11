//! `Make`: where the strategies of new classes come from.

use regatta_core::Class;
use std::sync::Arc;

pub(super) enum Make<S> {
    /// The function is `Clone::clone`, which only the constructor knows.
    Clones {
        template: S,
        clone: fn(&S) -> S,
    },
    By(Arc<dyn Fn(Option<Class>) -> S + Send + Sync>),
}

impl<S> Make<S> {
    pub(super) fn one(&self, class: Option<Class>) -> S {
        match self {
            Self::Clones { template, clone } => clone(template),
            Self::By(make) => make(class),
        }
    }

    /// Whether two of them may be of different kinds.
    pub(super) fn is_mixed(&self) -> bool {
        matches!(self, Self::By(_))
    }

    /// Looks at a fresh one.
    pub(super) fn look<R>(&self, class: Option<Class>, look: impl FnOnce(&S) -> R) -> R {
        match self {
            Self::Clones { template, .. } => look(template),
            Self::By(make) => look(&make(class)),
        }
    }
}

impl<S> Clone for Make<S> {
    fn clone(&self) -> Self {
        match self {
            Self::Clones { template, clone } => Self::Clones { template: clone(template), clone: *clone },
            Self::By(make) => Self::By(make.clone()),
        }
    }
}
