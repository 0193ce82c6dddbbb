use rootline_objects::Signal;
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let t = std::time::Instant::now();
    match rootline_sources::read_path(path.as_ref(), &Default::default()) {
        Err(e) => println!("ERR {e}\n{}", e.hint()),
        Ok(i) => {
            println!("{} | {} {:?}", i.source, i.format, t.elapsed());
            let mut by = std::collections::BTreeMap::<&str, usize>::new();
            for s in &i.signals {
                match s {
                    Signal::Object(o) => *by.entry(o.kind()).or_default() += 1,
                    Signal::Log(l) => println!("log {}/{}/{} {} lines", l.namespace, l.pod, l.container, l.lines.len()),
                    Signal::Gap(g) => println!("gap {:?} {} {:?}", g.kind, g.subject, g.detail.args.get("text")),
                    Signal::Listed { kind, namespace } => print!("{kind}/{} ", namespace.as_deref().unwrap_or("*")),
                    o => println!("{o:?}"),
                }
            }
            println!("\n{by:?}");
            for l in std::fs::read_to_string("/proc/self/status").unwrap().lines().filter(|l| l.starts_with("VmHWM")) { println!("{l}"); }
        }
    }
}
