//! Addresses and links of `crawl`, from its own file.

#[path = "../../../../examples/examples/crawl/url.rs"]
mod url;

use url::{Url, links};

#[test]
fn a_link_is_read_as_seen_from_its_page() {
    let page = Url::new("ant.test", "/page/7");
    let cases = [
        ("/page/8", Some("http://ant.test/page/8")),
        ("http://bee.test/page/9", Some("http://bee.test/page/9")),
        ("http://bee.test", Some("http://bee.test/")),
        // A place within a page is no other page.
        ("#middle", Some("http://ant.test/page/7")),
        ("/page/8#middle", Some("http://ant.test/page/8")),
        ("http://bee.test#middle", Some("http://bee.test/")),
        ("", Some("http://ant.test/page/7")),
        ("mailto:us@ant.test", None),
        ("https://bee.test/", None),
    ];
    for (link, leads_to) in cases {
        assert_eq!(page.join(link).map(|url| url.to_string()).as_deref(), leads_to, "{link:?}");
    }
}

#[test]
fn links_come_in_their_order_and_as_often_as_they_stand_there() {
    let html =
        "<a href=\"/a\">a</a> <a href=\"/b\">b</a>\n<a class=\"x\" href=\"/a\">a</a> href=/c <a href=\"/d";
    assert_eq!(links(html).collect::<Vec<_>>(), ["/a", "/b", "/a"]);
    assert_eq!(links("").count(), 0);
}
