//! The site: its pages, how each comes and what it links to. The same one every time.

use crate::url::Url;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

pub(crate) const HOSTS: [&str; 4] = ["ant.test", "bee.test", "cat.test", "dog.test"];

/// How a page comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    AtOnce,
    Slow(Duration),
    /// 500 so many times.
    FailsAtFirst(usize),
    /// 500 for ever.
    FailsAlways,
    /// 404.
    Missing,
    /// 429 the first time, with this in `Retry-After`.
    TooManyAtFirst(Duration),
    /// Never, the first time.
    HangsAtFirst,
}

#[derive(Clone, Copy)]
pub(crate) struct Site {
    pages: usize,
}

impl Site {
    /// Where a crawl begins.
    pub(crate) const HOME: usize = 0;

    pub(crate) fn new(pages: usize) -> Self {
        Self { pages }
    }

    pub(crate) fn url(page: usize) -> Url {
        Url::new(HOSTS[page % HOSTS.len()], format!("/page/{page}"))
    }

    /// Which page that is.
    pub(crate) fn find(self, host: &str, path: &str) -> Option<usize> {
        let page = path.strip_prefix("/page/")?.parse().ok()?;
        (page < self.pages && HOSTS[page % HOSTS.len()] == host).then_some(page)
    }

    pub(crate) fn manner(page: usize) -> Manner {
        match page % 75 {
            37 => Manner::TooManyAtFirst(Duration::from_secs(1)),
            53 => Manner::Missing,
            59 => Manner::FailsAlways,
            64 if page.is_multiple_of(2) => Manner::HangsAtFirst,
            16 | 41 | 66 => Manner::FailsAtFirst(1 + page % 2),
            rest if rest % 7 == 3 => Manner::Slow(Duration::from_millis(50 + page as u64 * 37 % 151)),
            _ => Manner::AtOnce,
        }
    }

    /// The pages that it links to: three that are further down, and any others; some twice, some up again, some itself.
    fn links(self, page: usize) -> Vec<usize> {
        let mut numbers = Numbers(page as u64);
        let down = (1..=3).map(|child| 3 * page + child).filter(|child| *child < self.pages);
        let mut links: Vec<usize> = down.collect();
        for _ in 0..numbers.below(8) {
            links.push(numbers.below(self.pages));
        }
        if page.is_multiple_of(5) {
            links.extend([page, page / 2, page / 2]);
        }
        links
    }

    pub(crate) fn html(self, page: usize) -> String {
        let mut html = format!("<title>Page {page}</title>\n");
        for (place, link) in self.links(page).into_iter().enumerate() {
            let url = Self::url(link);
            // As people write them: short ones where that is possible, some to a place in the middle.
            let host =
                if link % HOSTS.len() == page % HOSTS.len() { "" } else { &format!("http://{}", url.host) };
            let part = if place % 4 == 2 { "#middle" } else { "" };
            let _ = writeln!(html, "<a href=\"{host}{}{part}\">page {link}</a>", url.path);
        }
        html += "<a href=\"mailto:us@ant.test\">us</a> <a href=\"http://elsewhere.test/\">others</a>\n";
        html
    }

    /// What a crawl must find: every page that can be reached, with where it leads to if it comes sooner or later.
    pub(crate) fn reachable(self) -> BTreeMap<String, Option<Vec<String>>> {
        let mut reachable = BTreeMap::new();
        let mut next = vec![Self::HOME];
        while let Some(page) = next.pop() {
            let url = Self::url(page).to_string();
            if reachable.contains_key(&url) {
                continue;
            }
            let comes = !matches!(Self::manner(page), Manner::Missing | Manner::FailsAlways);
            let links = if comes { self.links(page) } else { Vec::new() };
            let urls = || links.iter().map(|link| Self::url(*link).to_string()).collect();
            reachable.insert(url, comes.then(urls));
            next.extend(links);
        }
        reachable
    }
}

/// Numbers that look like chance and are the same every time: the generator SplitMix64.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}
