//! Which signatures are one template: words that stand where values stand.

use super::hash::{mix, mix_bytes, mix_gap};
use super::lexer::{self, Kind, Sink, Value};
use super::lexer_words;
use super::miner::{Entry, HashIndex, MinerConfig, RUN, offset};

/// A word or a run of a signature.
#[derive(Debug, Clone)]
pub(super) struct Token {
    /// Hash of what stands before it.
    pub gap: u64,
    /// Hash of the word; [`RUN`] for values.
    pub word: u64,
    /// Its parts in the entry's line: first and one past the last.
    pub parts: (u32, u32),
    /// Place of its run in the entry, where it is exactly one.
    pub run: Option<u32>,
    text: (usize, usize),
    light: bool,
    place: Place,
}

/// How much a place is made for values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// No letter: nothing to generalise.
    Fixed,
    Free,
    Marked,
}

/// A part of a line as lexed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub start: usize,
    pub end: usize,
    pub kind: Option<Kind>,
    pub first: bool,
}

/// All parts of a line.
pub(super) fn parts(line: &[u8]) -> (Vec<Part>, bool) {
    struct Parts<'a>(&'a [u8], Vec<Part>, bool);
    impl Sink for Parts<'_> {
        fn word(&mut self, gap: &[u8], word: &[u8], _: u64) {
            let end = offset(self.0, gap, word);
            self.1.push(Part { start: end - word.len(), end, kind: None, first: true });
        }
        fn element(&mut self, gap: &[u8], element: &[u8], value: Value) {
            let end = offset(self.0, gap, element);
            self.1.push(Part { start: end - element.len(), end, kind: Some(value.kind), first: value.first });
        }
        fn end(&mut self, _: &[u8], cut: bool) {
            self.2 = cut;
        }
    }
    let mut all = Parts(line, Vec::new(), false);
    lexer::scan(line, &mut Vec::new(), &mut all);
    (all.1, all.2)
}

/// An entry's tokens; they change as words turn out to be values.
pub(super) struct Skeleton {
    pub tokens: Vec<Token>,
    /// Hash of what stands after the last token.
    tail: u64,
}

impl Skeleton {
    fn of(entry: &Entry) -> Self {
        let line = &entry.line;
        let (parts, cut) = parts(line);
        let mut tokens: Vec<Token> = Vec::with_capacity(parts.len());
        let (mut last, mut run) = (0, 0);
        for (part, i) in parts.iter().zip(0..) {
            let gap = line.get(last..part.start).unwrap_or_default();
            last = part.end;
            let text = &line[part.start..part.end];
            if part.kind.is_some() && !part.first {
                if let Some(token) = tokens.last_mut() {
                    token.parts.1 = i + 1;
                }
                continue;
            }
            let value = part.kind.is_some();
            let place = place(gap, text, line.get(last).copied(), tokens.last().map(|t| &line[t.text.0..t.text.1]));
            tokens.push(Token {
                text: (part.start, part.end),
                gap: mix_gap(0, gap),
                word: if value { RUN } else { mix_bytes(0, text) },
                parts: (i, i + 1),
                run: value.then_some(run),
                light: gap.iter().all(|b| matches!(b, b' ' | b',' | b':' | b'/' | b'.' | b'-')),
                place,
            });
            run += u32::from(value);
        }
        let tail = line.get(last..).unwrap_or_default().trim_ascii_end();
        Self { tokens, tail: mix(mix_gap(0, tail), u64::from(cut)) }
    }

    /// Hash of all tokens: a sum, so that the hash with one word replaced costs one step.
    pub fn hash(&self) -> u64 {
        (0..).zip(&self.tokens).fold(self.tail, |sum, (i, t)| sum.wrapping_add(t.hash(i, t.word)))
    }

    /// Turns a word into a value and joins it with values beside it.
    fn open(&mut self, at: usize) {
        self.tokens[at].word = RUN;
        self.tokens[at].run = None;
        if at + 1 < self.tokens.len() && self.tokens[at + 1].word == RUN && self.tokens[at + 1].light {
            self.tokens[at].parts.1 = self.tokens[at + 1].parts.1;
            self.tokens.remove(at + 1);
        }
        if at > 0 && self.tokens[at - 1].word == RUN && self.tokens[at].light {
            self.tokens[at - 1].parts.1 = self.tokens[at].parts.1;
            self.tokens[at - 1].run = None;
            self.tokens.remove(at);
        }
    }

    fn words(&self) -> usize {
        self.tokens.iter().filter(|t| t.word != RUN && t.place != Place::Fixed).count()
    }
}

impl Token {
    fn hash(&self, place: u64, word: u64) -> u64 {
        mix(mix(mix(place, self.gap), word), 0x70_6c61_6365)
    }
}

fn place(gap: &[u8], word: &[u8], next: Option<u8>, before: Option<&[u8]>) -> Place {
    if !word.iter().any(|b| b.is_ascii_alphabetic() || *b >= 128) {
        return Place::Fixed;
    }
    // the name of `name=value` is wording
    if matches!(next, Some(b'=' | b'(')) {
        return Place::Fixed;
    }
    let last = gap.last().copied().unwrap_or(0);
    let key = matches!(gap, [b'='] | [b'=', b'"'] | [b'=', b'\''] | [b'"', b':', b'"']);
    let whole = !matches!(last, b'"' | b'\'') || next == Some(last) || (next == Some(b'\\') && last == b'"');
    if key {
        return if lexer_words::telling(before.unwrap_or_default()) || !whole { Place::Free } else { Place::Marked };
    }
    let enclosed =
        matches!((last, next), (b'\'', Some(b'\'')) | (b'"', Some(b'"')) | (b'(', Some(b')')) | (b'[', Some(b']')));
    let dotted = word.iter().filter(|b| **b == b'.').count() >= 2;
    if enclosed || dotted { Place::Marked } else { Place::Free }
}

/// Most rounds of merging: one word of a template becomes a value per round.
const ROUNDS: usize = 6;

/// The skeletons of all entries after merging; equal hashes are one template.
pub(super) fn merge(entries: &[Entry], config: &MinerConfig) -> Vec<Skeleton> {
    let mut skeletons: Vec<Skeleton> = entries.iter().map(Skeleton::of).collect();
    let counts: Vec<u64> = entries.iter().map(|e| e.count).collect();
    for _ in 0..ROUNDS {
        if !round(&mut skeletons, &counts, config) {
            break;
        }
    }
    skeletons
}

/// One node: skeletons that are equal by now.
fn nodes(skeletons: &[Skeleton]) -> Vec<(u64, Vec<usize>)> {
    let mut by: HashIndex<Vec<usize>> = HashIndex::default();
    for (i, s) in skeletons.iter().enumerate() {
        by.entry(s.hash()).or_default().push(i);
    }
    let mut all: Vec<(u64, Vec<usize>)> = by.into_iter().collect();
    all.sort_unstable();
    all
}

fn round(skeletons: &mut [Skeleton], counts: &[u64], config: &MinerConfig) -> bool {
    let nodes = nodes(skeletons);
    // by the hash with a hole: which nodes differ in nothing else
    let mut holes: HashIndex<Vec<(u32, u32)>> = HashIndex::default();
    for (n, (hash, members)) in (0..).zip(&nodes) {
        let s = &skeletons[members[0]];
        // one word of wording must remain
        if s.words() < 2 && !s.tokens.iter().any(|t| t.word == RUN) {
            continue;
        }
        for (i, t) in (0..).zip(&s.tokens) {
            if t.place == Place::Fixed && t.word != RUN {
                continue;
            }
            let hole = hash.wrapping_sub(t.hash(u64::from(i), t.word)).wrapping_add(t.hash(u64::from(i), 0));
            holes.entry(hole).or_default().push((n, i));
        }
    }
    let mut groups: Vec<(u64, Vec<(u32, u32)>)> = holes.into_iter().filter(|(_, g)| g.len() >= 2).collect();
    groups.sort_unstable_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(&b.0)));
    let mut used = vec![false; nodes.len()];
    let mut any = false;
    for (_, mut group) in groups {
        group.retain(|(n, _)| !used[*n as usize]);
        let token = |(n, at): (u32, u32)| &skeletons[nodes[n as usize].1[0]].tokens[at as usize];
        let lines = |n: u32| nodes[n as usize].1.iter().map(|m| counts[*m]).sum::<u64>();
        // a value seen in this place, in more lines than any word, makes words in it values
        let value = group.iter().find(|g| token(**g).word == RUN).map_or(0, |g| lines(g.0));
        if value > 0 && group.iter().all(|g| token(*g).word == RUN || lines(g.0) <= value) {
            // as it is
        } else {
            group.retain(|g| token(*g).word != RUN);
            let marked = group.iter().all(|g| token(*g).place == Place::Marked);
            let needed = if marked { config.marked_words } else { config.free_words };
            if group.len() < needed.max(2) {
                continue;
            }
        }
        if group.len() < 2 {
            continue;
        }
        any = true;
        for (n, at) in group {
            used[n as usize] = true;
            for &m in &nodes[n as usize].1 {
                skeletons[m].open(at as usize);
            }
        }
    }
    any
}
