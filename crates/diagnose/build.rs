//! Lists the rule files, so that adding one touches no code.

#![allow(clippy::disallowed_methods, reason = "a build script asks cargo by environment")]

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=rules");
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let mut names: Vec<String> = fs::read_dir(Path::new(&root).join("rules"))
        .expect("the rules folder is part of the crate")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    names.sort();
    let mut code = String::from("pub(crate) const FILES: &[(&str, &str)] = &[\n");
    for name in names {
        let path = Path::new(&root).join("rules").join(&name);
        writeln!(code, "    ({name:?}, include_str!({path:?})),").expect("writing to a string");
    }
    code.push_str("];\n");
    fs::write(Path::new(&out).join("rule_files.rs"), code).expect("the output folder can be written");
}
