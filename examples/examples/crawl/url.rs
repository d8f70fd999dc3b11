//! Addresses, and the links of a page.

use std::fmt;

/// An address of the one kind that this crawler follows: `http://`, a host and a path.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Url {
    pub(crate) host: String,
    pub(crate) path: String,
}

impl Url {
    pub(crate) fn new(host: impl Into<String>, path: impl Into<String>) -> Self {
        Self { host: host.into(), path: path.into() }
    }

    /// Where a link on this page leads to, if it can be followed. A link to a place within a page leads to that page.
    pub(crate) fn join(&self, link: &str) -> Option<Self> {
        let link = link.split('#').next().unwrap_or(link);
        if let Some(rest) = link.strip_prefix("http://") {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            return Some(Self::new(host, if path.is_empty() { "/" } else { path }));
        }
        match link {
            "" => Some(self.clone()),
            path if path.starts_with('/') => Some(Self::new(&self.host, path)),
            _ => None,
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.host, self.path)
    }
}

/// What stands in the `href`s of a page, in their order.
pub(crate) fn links(html: &str) -> impl Iterator<Item = &str> {
    html.split("href=\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0))
}
