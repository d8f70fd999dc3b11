//! Finds the public async items of a source text: what the cancel-safety rule is about.
//!
//! It reads lines and brackets, not a syntax tree: formatted code is regular enough, and a parser would cost more than
//! all other rules together.

use crate::tree::File;

/// A public item at a line, counted from 0.
#[derive(Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) line: usize,
    pub(crate) name: String,
}

/// Every `pub async fn`, and every `pub fn` that returns an `impl Future`.
pub(crate) fn async_functions(file: &File) -> Vec<Item> {
    let lines: Vec<_> = file.text.lines().collect();
    let mut items = Vec::new();
    for (line, text) in lines.iter().enumerate() {
        let Some((qualifiers, name)) = public_function(text) else { continue };
        if qualifiers.contains(&"async") || returns_future(&header(&lines[line..])) {
            items.push(Item { line, name });
        }
    }
    items
}

/// The names of the types with an `impl Future for ..`.
pub(crate) fn future_types(file: &File) -> Vec<String> {
    let lines: Vec<_> = file.text.lines().collect();
    let starts = (0..lines.len()).filter(|&line| lines[line].trim_start().starts_with("impl"));
    starts.filter_map(|line| implemented_future(&header(&lines[line..]))).collect()
}

/// The definitions of public types with this name.
pub(crate) fn public_types(file: &File, name: &str) -> Vec<Item> {
    let defines = |line: &str| {
        let mut words =
            line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        let line = line.trim_start();
        (line.starts_with("pub struct ") || line.starts_with("pub enum ")) && words.nth(2) == Some(name)
    };
    let lines = file.text.lines().enumerate().filter(|(_, text)| defines(text));
    lines.map(|(line, _)| Item { line, name: name.to_owned() }).collect()
}

/// The doc comment above an item, also where attributes stand between or around it.
pub(crate) fn docs_above(file: &File, line: usize) -> String {
    let lines: Vec<_> = file.text.lines().take(line).map(str::trim).collect();
    let mut docs = Vec::new();
    // Read upwards: an attribute over several lines is met at its end, and lasts until the line that opens it.
    let mut in_attribute = false;
    for text in lines.iter().rev() {
        if text.starts_with("#[") {
            in_attribute = false;
        } else if let Some(doc) = text.strip_prefix("///") {
            if in_attribute {
                break;
            }
            docs.push(doc.trim());
        } else if text.ends_with(']') {
            in_attribute = true;
        } else if !in_attribute && !text.starts_with("//") {
            break;
        }
    }
    docs.reverse();
    docs.join("\n")
}

/// `pub async fn name` as `(["async"], "name")`; `pub(crate)` and private ones are none.
fn public_function(text: &str) -> Option<(Vec<&str>, String)> {
    let mut words = text.trim_start().strip_prefix("pub ")?.split_whitespace();
    let mut qualifiers = Vec::new();
    loop {
        match words.next()? {
            "fn" => break,
            word @ ("async" | "const" | "unsafe" | "extern" | "\"C\"") => qualifiers.push(word),
            _ => return None,
        }
    }
    let name = words.next()?.split(['(', '<']).next()?;
    Some((qualifiers, name.to_owned()))
}

/// What stands before the body, as one line.
fn header(lines: &[&str]) -> String {
    let mut header = String::new();
    for line in lines {
        let line = line.trim();
        header.push(' ');
        if let Some((before, _)) = line.split_once(" {") {
            header.push_str(before);
            break;
        }
        if line == "{" {
            break;
        }
        header.push_str(line);
        if line.ends_with(';') {
            break;
        }
    }
    header
}

/// Whether the return type, and not an argument or a bound, contains `impl Future`.
fn returns_future(header: &str) -> bool {
    let Some((_, output)) = outside_brackets(header, "->") else { return false };
    let output = output.split(" where").next().unwrap_or(output);
    let mut words = output.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| word == "impl") && words.any(|word| word == "Future")
}

/// `Name` of `impl<..> path::Future for &mut path::Name<..>`.
fn implemented_future(header: &str) -> Option<String> {
    let rest = header.trim().strip_prefix("impl")?;
    let (implemented, target) = outside_brackets(rest, " for ")?;
    if implemented.trim().rsplit(['>', ':', ' ']).next() != Some("Future") {
        return None;
    }
    let path = target.trim().trim_start_matches("&mut ").trim_start_matches('&').split(['<', ' ']).next()?;
    path.rsplit("::").next().map(str::to_owned)
}

/// Splits at the first `separator` that no bracket encloses. The `>` of an arrow closes nothing.
fn outside_brackets<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let mut depth = 0;
    let mut previous = ' ';
    for (at, c) in text.char_indices() {
        if depth == 0 && text[at..].starts_with(separator) {
            return Some((&text[..at], &text[at + separator.len()..]));
        }
        match c {
            '(' | '[' | '<' => depth += 1,
            ')' | ']' => depth -= 1,
            '>' if previous != '-' => depth -= 1,
            _ => {}
        }
        previous = c;
    }
    None
}

#[cfg(test)]
fn names(text: &str) -> Vec<String> {
    async_functions(&File::new("x.rs", text)).into_iter().map(|item| item.name).collect()
}

#[test]
fn async_functions_are_found() {
    assert_eq!(names("    pub async fn one(&self) {\npub const fn two() {\nasync fn three() {"), ["one"]);
    assert_eq!(names("pub(crate) async fn inner() {}\n/// pub async fn doc() {}"), [""; 0]);
    assert_eq!(
        names("pub fn late<F: Fn() -> u8>(\n    f: F,\n) -> impl Future<Output = u8> + 'static\nwhere\n"),
        ["late"]
    );
    assert_eq!(names("pub fn takes(f: impl Future<Output = u8>) -> u8 {"), [""; 0]);
    assert_eq!(names("pub fn bound<F>(f: F) -> u8 where F: Fn() -> u8, X: Future {"), [""; 0]);
}

#[test]
fn future_types_are_found() {
    let found = |text| future_types(&File::new("x.rs", text));
    assert_eq!(found("impl Future for Sleep {"), ["Sleep"]);
    assert_eq!(
        found("impl<S, F: FnMut() -> S> std::future::Future\n    for inner::Run<S, F>\nwhere\n    S: X,\n{"),
        ["Run"]
    );
    assert_eq!(found("impl<F: Future> Stream for Run<F> {\nimpl IntoFuture for Run {\nimpl Run {"), [""; 0]);
}

#[test]
fn public_types_are_found() {
    let found = |text| public_types(&File::new("x.rs", text), "Run").len();
    assert_eq!(found("pub struct Run<S> {\npub enum Run {"), 2);
    assert_eq!(found("pub(crate) struct Run;\nstruct Run;\npub struct Runner;\npub struct Other(Run);"), 0);
}

#[test]
fn docs_are_read_across_attributes() {
    let text = "/// stray\n}\n\n/// First.\n#[must_use]\n/// Second.\n#[cfg_attr(\n    feature = \"x\",\n    inline\n)]\npub fn f() {}";
    assert_eq!(docs_above(&File::new("x.rs", text), 10), "First.\nSecond.");
    assert_eq!(docs_above(&File::new("x.rs", "/// Of another.\nfn g() {}\npub fn f() {}"), 2), "");
}
