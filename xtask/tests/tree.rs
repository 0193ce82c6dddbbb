//! The tree keeps its own rules, in plain `cargo test`.
#![allow(clippy::disallowed_methods, reason = "tests read the tree")]

#[test]
fn the_tree_is_tidy() {
    let problems = xtask::tidy::problems(&xtask::root());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn generated_pages_are_up_to_date() {
    let root = xtask::root();
    for (name, text) in xtask::docs::pages().unwrap_or_else(|e| panic!("{e}")) {
        let there = std::fs::read_to_string(root.join(name)).unwrap_or_default();
        assert!(there == text, "{name} is out of date: run `make docs`");
    }
}
