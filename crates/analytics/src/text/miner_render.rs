//! Templates as texts: values as `<*>`, wording as it stands in the raw line.
//!
//! The writing follows the guidelines for template texts of Khan et al., "Guidelines for Assessing the Accuracy of Log Message
//! Template Identification Techniques" (ICSE 2022): a piece that holds a value is one `<*>` as a whole; values joined by
//! full stops are one; neighbours without anything between are one.

use super::lexer::Kind;
use super::lexer_words;
use super::miner::{Element, Entry, HashIndex, Miner, Run, SEVERAL, TemplateId};
use super::miner_merge::{Part, Skeleton, merge, parts};

/// A template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The least signature of its members: stable while that member lives.
    pub id: TemplateId,
    /// Its text.
    pub text: String,
    /// Lines it had.
    pub count: u64,
    /// The raw line it was written from.
    pub example: String,
}

/// Templates as of one moment, most frequent first.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    list: Vec<Template>,
    of: HashIndex<u32>,
}

impl Templates {
    /// Most frequent first.
    #[must_use]
    pub fn list(&self) -> &[Template] {
        &self.list
    }

    /// The template a signature belongs to; `None` for an evicted or foreign one.
    #[must_use]
    pub fn resolve(&self, id: TemplateId) -> Option<&Template> {
        self.of.get(&id.0).and_then(|i| self.list.get(*i as usize))
    }

    pub(super) fn of(miner: &Miner) -> Self {
        let skeletons = merge(&miner.entries, &miner.config);
        let mut groups: HashIndex<Vec<usize>> = HashIndex::default();
        for (i, s) in skeletons.iter().enumerate() {
            groups.entry(s.hash()).or_default().push(i);
        }
        let mut made: Vec<(Template, Vec<u64>)> = groups
            .into_values()
            .map(|mut members| {
                members.sort_unstable_by_key(|m| miner.entries[*m].hash);
                let entries: Vec<&Entry> = members.iter().map(|m| &miner.entries[*m]).collect();
                let template = Template {
                    id: TemplateId(entries[0].hash),
                    text: text(&entries, &members.iter().map(|m| &skeletons[*m]).collect::<Vec<_>>()),
                    count: entries.iter().map(|e| e.count).sum(),
                    example: String::from_utf8_lossy(&entries[0].line).into_owned(),
                };
                (template, entries.iter().map(|e| e.hash).collect())
            })
            .collect();
        made.sort_unstable_by(|(a, _), (b, _)| {
            b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)).then(a.id.cmp(&b.id))
        });
        let of = (0..).zip(&made).flat_map(|(i, (_, hashes))| hashes.iter().map(move |h| (*h, i))).collect();
        Self { list: made.into_iter().map(|(t, _)| t).collect(), of }
    }
}

/// What all members saw in a run; nothing where a member's run was joined with words.
type Writing = Option<(Run, Vec<Element>)>;

/// What all members saw at token `at`.
fn writing(entries: &[&Entry], skeletons: &[&Skeleton], at: usize) -> Writing {
    let mut joined: Option<Entry> = None;
    for (entry, skeleton) in entries.iter().zip(skeletons) {
        let run = *entry.runs.get(skeleton.tokens[at].run? as usize)?;
        let elements = entry.elements.get(run.first as usize..run.first as usize + run.len as usize)?;
        let run = Run { first: 0, ..run };
        match &mut joined {
            None => {
                joined = Some(Entry {
                    hash: 0,
                    count: 0,
                    seen: 0,
                    line: Box::default(),
                    runs: vec![run],
                    elements: elements.to_vec(),
                });
            }
            Some(ours) => ours.join(&[run], elements),
        }
    }
    joined.map(|j| (j.runs[0], j.elements))
}

const STAR: &str = "<*>";

fn text(entries: &[&Entry], skeletons: &[&Skeleton]) -> String {
    let line = &entries[0].line;
    let (parts, cut) = parts(line);
    let mut out = Vec::with_capacity(line.len() + 16);
    let mut last = 0;
    let runs: Vec<Writing> = (0..skeletons[0].tokens.len()).map(|at| writing(entries, skeletons, at)).collect();
    // a size whose unit changes is printed for people: the line's other units are part of their numbers too
    let scaled = skeletons[0].tokens.iter().zip(&runs).any(|(t, run)| {
        let mine = &parts[t.parts.0 as usize..t.parts.1 as usize];
        run.iter().any(|(run, e)| {
            mine.iter()
                .zip(&e[..run.len as usize])
                .any(|(p, e)| p.kind == Some(Kind::Unit) && e.shape == SEVERAL && e.gap != SEVERAL)
        })
    });
    for (at, token) in skeletons[0].tokens.iter().enumerate() {
        let mine = &parts[token.parts.0 as usize..token.parts.1 as usize];
        let (Some(first), Some(end)) = (mine.first(), mine.last()) else { continue };
        out.extend_from_slice(&line[last..first.start]);
        last = end.end;
        if token.word != super::miner::RUN {
            out.extend_from_slice(&line[first.start..end.end]);
            continue;
        }
        match &runs[at] {
            None => {
                out.extend_from_slice(STAR.as_bytes());
                // a bracket that the run opened is closed inside it
                if line[first.start..end.end].contains(&b'(')
                    && line.get(last) == Some(&b')')
                    && !line[first.start..end.end].contains(&b')')
                {
                    last += 1;
                }
            }
            Some((run, elements)) => last += write_elements(&mut out, line, mine, (*run, elements, scaled)),
        }
    }
    out.extend_from_slice(line.get(last..).unwrap_or_default());
    if cut {
        out.extend_from_slice(STAR.as_bytes());
    }
    finish(&String::from_utf8_lossy(&out))
}

/// Writes a run; how many bytes after it belong to it.
fn write_elements(
    out: &mut Vec<u8>,
    line: &[u8],
    parts: &[Part],
    (run, elements, scaled): (Run, &[Element], bool),
) -> usize {
    let mut last = parts[0].start;
    let whole = &line[last..parts[parts.len() - 1].end];
    let common = elements[..run.len as usize].iter().position(|e| e.gap == SEVERAL).unwrap_or(run.len as usize);
    for (i, (part, element)) in parts.iter().zip(&elements[..common]).enumerate() {
        let gap = &line[last..part.start];
        last = part.end;
        let text = &line[part.start..part.end];
        let varied = element.shape == SEVERAL;
        if i > 0 && (varied || scaled) && part.kind == Some(Kind::Unit) && out.ends_with(STAR.as_bytes()) {
            continue;
        }
        out.extend_from_slice(gap);
        match part.kind {
            Some(Kind::Unit) if !varied && !date(text) => out.extend_from_slice(text),
            Some(Kind::Soft | Kind::Value) if !varied && element.value != SEVERAL => out.extend_from_slice(text),
            Some(Kind::Mixed | Kind::Soft) if !varied => write_pieces(out, text),
            _ => out.extend_from_slice(STAR.as_bytes()),
        }
    }
    let more = run.ragged || common < run.len as usize;
    if more && !out.ends_with(STAR.as_bytes()) {
        out.extend_from_slice(if common > 0 { b" <*>" } else { b"<*>" });
    }
    let end = parts[parts.len() - 1].end;
    // a bracket that was opened inside the run is closed behind it
    let open = whole.contains(&b'(') && !whole.contains(&b')') && line.get(end) == Some(&b')');
    usize::from(open && more)
}

/// Months and weekdays are values however often they were the same.
fn date(text: &[u8]) -> bool {
    lexer_words::is_date(text)
}

fn write_pieces(out: &mut Vec<u8>, word: &[u8]) {
    let digits = lexer_words::pieces(word).filter(|(_, digit)| *digit).count();
    let hex = word.len() == 36 && word.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-');
    if hex || (digits >= 2 && matches!(word[0], b'-' | b'+')) {
        out.extend_from_slice(STAR.as_bytes());
        return;
    }
    let sign = matches!(word, [b'-' | b'+' | b'<' | b'>' | b'~', ..]);
    for (i, (piece, digit)) in lexer_words::pieces(word).enumerate() {
        if i == 0 && sign && !digit {
            continue;
        }
        out.extend_from_slice(if digit { STAR.as_bytes() } else { piece });
    }
}

/// Marks that end a token of a template text in the guidelines.
const ENDS: &[char] = &[
    ' ', ',', '!', ';', ':', '=', '|', '"', '\'', '[', ']', '(', ')', '{', '}', '.', '-', '+', '@', '#', '$', '%', '&',
];

/// One blank for many; a token with a value in it is a value, but for paths and pairs; values that touch or are joined by
/// full stops are one.
fn finish(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        for token in word.split_inclusive(ENDS) {
            let body = token.trim_end_matches(ENDS);
            // the backslash before a quote is the quote's
            let inner = body.trim_end_matches('\\');
            let swallow = inner.contains(STAR) && !inner.contains('/');
            out.push_str(if swallow { STAR } else { inner });
            out.push_str(&token[inner.len()..]);
        }
    }
    for from in ["<*>.<*>", "<*><*>"] {
        while out.contains(from) {
            out = out.replace(from, STAR);
        }
    }
    out
}
