//! Template miner: the wording of log lines without their values; streaming, mergeable, bounded.
//!
//! A line's *signature* is a 64-bit hash of its wording with every run of values reduced to one mark (see the lexer's table of
//! rules). The fast path is that hash and one look-up. Everything that needs more than one line — which identifiers are
//! wording, which words are values, how a template is written — is decided later, in [`Miner::templates`], from the set of
//! signatures and what was seen in their values. Lines that differ from a recent one in digits only skip even the lexer
//! (4096 of them are remembered, 160 KiB a miner).
//!
//! **What is guaranteed.** Counts and what is known of values are joined by operations that neither order nor grouping can
//! change (sums, least of two lines, "one value or several"), and `templates` is a pure function of them. As long as nothing was evicted, any
//! split of a stream over any number of miners, merged in any order, gives equal templates, texts, counts and ids. Once the
//! bound of live signatures was reached, which rare signatures were evicted depends on the order; the frequent ones do not.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::hash::{mix, mix_bytes, mix_gap, mix_word};
use super::lexer::{self, Kind, Sink, Value};
use super::miner_memo::{self, Memo};
use super::miner_render::Templates;
use crate::{Error, Result};

/// Bounds and thresholds; one setting serves all systems.
#[derive(Debug, Clone, PartialEq)]
pub struct MinerConfig {
    /// Most live signatures; beyond it the rarest tenth is evicted. An entry takes about 400 bytes and its line.
    pub max_live: usize,
    /// A word's place becomes a value where at least so many different words stand in it, all else being equal.
    pub free_words: usize,
    /// The same for the value of `key=value`, a quoted word or a word alone in brackets: places made for values.
    pub marked_words: usize,
}

impl Default for MinerConfig {
    fn default() -> Self {
        Self { max_live: 10_000, free_words: 8, marked_words: 3 }
    }
}

/// A signature's stable name: equal wording has an equal id in every miner and every run of the same version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateId(pub u64);

/// A hash that is a key already.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = mix(self.0, u64::from(*b));
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// From hashes to places.
pub(super) type HashIndex<V> = HashMap<u64, V, BuildHasherDefault<Plain>>;

/// Nothing seen yet / several values seen.
pub(super) const SEVERAL: u64 = u64::MAX;

/// What was seen in one element: its shape (joints and pieces without digits) and, for soft ones, its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    /// What stands before it, where it is not the first.
    pub gap: u64,
    pub shape: u64,
    pub value: u64,
}

/// A run of elements: where they lie in the entry's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub first: u32,
    /// The fewest elements seen.
    pub len: u32,
    /// More were seen.
    pub ragged: bool,
}

/// One signature.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub hash: u64,
    pub count: u64,
    /// Lines observed when it was last seen.
    pub seen: u64,
    /// The least of the lines that began or joined this entry.
    pub line: Box<[u8]>,
    pub runs: Vec<Run>,
    pub elements: Vec<Element>,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Miner {
    pub(super) config: MinerConfig,
    pub(super) entries: Vec<Entry>,
    pub(super) index: HashIndex<u32>,
    pub(super) lines: u64,
    pub(super) evicted: u64,
    pub(super) evicted_lines: u64,
    scratch: Signature,
    codes: Vec<u8>,
    pub(super) memo: Memo,
}

impl Default for Miner {
    fn default() -> Self {
        Self::new(MinerConfig::default())
    }
}

impl PartialEq for Miner {
    /// The same lines seen and the same signatures, in whatever order they came.
    fn eq(&self, other: &Self) -> bool {
        self.snapshot() == other.snapshot()
    }
}

impl Miner {
    /// An empty miner.
    #[must_use]
    pub fn new(config: MinerConfig) -> Self {
        let config = MinerConfig { max_live: config.max_live.max(16), ..config };
        Self {
            config,
            entries: Vec::new(),
            index: HashIndex::default(),
            lines: 0,
            evicted: 0,
            evicted_lines: 0,
            scratch: Signature::default(),
            codes: Vec::new(),
            memo: Memo::default(),
        }
    }

    /// Takes in one line (any bytes; a trailing line end does not matter) and says which signature it has. O(length); no
    /// allocation for a known signature. An empty line is a signature too. At most 4096 bytes and 200 words are read.
    pub fn observe(&mut self, line: impl AsRef<[u8]>) -> TemplateId {
        let line = line.as_ref();
        // of longer lines, which are not kept, no more than tells their length
        let key = miner_memo::key(&line[..line.len().min(lexer::MAX_BYTES + 1)]);
        if let Some((i, signature)) = self.memo.find(key, line)
            && let Some(entry) = self.entries.get_mut(i as usize)
        {
            self.lines += 1;
            entry.count += 1;
            entry.seen = self.lines;
            return TemplateId(signature);
        }
        self.scratch.clear();
        lexer::scan(line, &mut self.codes, &mut self.scratch);
        self.lines += 1;
        let hash = self.scratch.hash;
        let place = if let Some(&i) = self.index.get(&hash) {
            let entry = &mut self.entries[i as usize];
            entry.count += 1;
            entry.seen = self.lines;
            entry.join(&self.scratch.runs, &self.scratch.elements);
            i
        } else {
            self.insert(Entry {
                hash,
                count: 1,
                seen: self.lines,
                line: line[..line.len().min(lexer::MAX_BYTES + 1)].into(),
                runs: self.scratch.runs.clone(),
                elements: self.scratch.elements.clone(),
            });
            (self.entries.len() - 1) as u32
        };
        self.memo.keep(key, line, &self.scratch.exact, (place, hash));
        TemplateId(hash)
    }

    /// The signature of a line without taking it in.
    #[must_use]
    pub fn id_of(&self, line: impl AsRef<[u8]>) -> TemplateId {
        let mut signature = Signature::default();
        lexer::scan(line.as_ref(), &mut Vec::new(), &mut signature);
        TemplateId(signature.hash)
    }

    /// Whether this signature is live.
    #[must_use]
    pub fn knows(&self, id: TemplateId) -> bool {
        self.index.contains_key(&id.0)
    }

    /// Lines taken in.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Live signatures.
    #[must_use]
    pub fn live(&self) -> usize {
        self.entries.len()
    }

    /// Signatures evicted so far and the lines they had.
    #[must_use]
    pub fn evicted(&self) -> (u64, u64) {
        (self.evicted, self.evicted_lines)
    }

    /// Templates as of now: signatures joined where only values differ, with texts. O(words of all live signatures).
    #[must_use]
    pub fn templates(&self) -> Templates {
        Templates::of(self)
    }

    /// Takes in another miner's signatures. Errors where the configurations differ.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.config != other.config {
            return Err(Error::Format {
                what: "miner",
                detail: "merging miners of different configurations".to_owned(),
            });
        }
        let before = self.lines;
        for theirs in &other.entries {
            if let Some(&i) = self.index.get(&theirs.hash) {
                let ours = &mut self.entries[i as usize];
                ours.count += theirs.count;
                ours.seen = ours.seen.max(before + theirs.seen);
                ours.join(&theirs.runs, &theirs.elements);
                if theirs.line < ours.line {
                    ours.line.clone_from(&theirs.line);
                }
            } else {
                self.insert(Entry { seen: before + theirs.seen, ..theirs.clone() });
            }
        }
        self.lines += other.lines;
        self.evicted += other.evicted;
        self.evicted_lines += other.evicted_lines;
        Ok(())
    }

    pub(super) fn insert(&mut self, entry: Entry) {
        if self.entries.len() >= self.config.max_live {
            self.evict();
        }
        self.index.insert(entry.hash, u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        self.entries.push(entry);
    }

    /// Drops the rarest tenth, of equally rare ones those unseen for longest.
    fn evict(&mut self) {
        let drop = (self.config.max_live / 10).max(1);
        let mut order: Vec<(u64, u64, u64)> = self.entries.iter().map(|e| (e.count, e.seen, e.hash)).collect();
        let (gone, _, _) = order.select_nth_unstable(drop.min(self.entries.len() - 1));
        let gone: HashIndex<()> = gone.iter().map(|(_, _, hash)| (*hash, ())).collect();
        self.evicted += gone.len() as u64;
        self.evicted_lines += self.entries.iter().filter(|e| gone.contains_key(&e.hash)).map(|e| e.count).sum::<u64>();
        self.memo.clear();
        self.entries.retain(|e| !gone.contains_key(&e.hash));
        self.index = self.entries.iter().zip(0..).map(|(e, i)| (e.hash, i)).collect();
    }
}

impl Entry {
    /// Whether the line has this signature and these runs: what a restored entry must hold.
    pub fn fits(&self) -> bool {
        let mut signature = Signature::default();
        lexer::scan(&self.line, &mut Vec::new(), &mut signature);
        // the least of several lines may have longer runs than what all had in common
        signature.hash == self.hash
            && signature.runs.len() == self.runs.len()
            && signature.runs.iter().zip(&self.runs).all(|(a, b)| a.len >= b.len)
    }

    /// Joins what was seen in values: commutative, associative, idempotent.
    pub fn join(&mut self, runs: &[Run], elements: &[Element]) {
        for (ours, theirs) in self.runs.iter_mut().zip(runs) {
            if ours.len != theirs.len {
                ours.ragged = true;
                ours.len = ours.len.min(theirs.len);
            }
            ours.ragged |= theirs.ragged;
            let (a, b, n) = (ours.first as usize, theirs.first as usize, ours.len as usize);
            for (e, t) in self.elements[a..a + n].iter_mut().zip(&elements[b..b + n]) {
                e.join(t);
            }
        }
    }
}

impl Element {
    #[inline]
    pub fn join(&mut self, other: &Self) {
        if self.gap != other.gap {
            self.gap = SEVERAL;
        }
        if self.shape != other.shape {
            self.shape = SEVERAL;
        }
        if self.value != other.value {
            self.value = SEVERAL;
        }
    }
}

/// The values of a line, in order: every element that is not wording by itself (units and the like are left out).
#[must_use]
pub fn variables(line: &[u8]) -> Vec<&[u8]> {
    struct Values<'a>(&'a [u8], Vec<&'a [u8]>, usize);
    impl Sink for Values<'_> {
        fn word(&mut self, gap: &[u8], word: &[u8], _: u64) {
            self.2 = offset(self.0, gap, word);
        }
        fn element(&mut self, gap: &[u8], element: &[u8], value: Value) {
            let end = offset(self.0, gap, element);
            if value.kind != Kind::Unit {
                self.1.push(&self.0[end - element.len()..end]);
            }
            self.2 = end;
        }
        fn end(&mut self, _: &[u8], _: bool) {}
    }
    let mut values = Values(line, Vec::new(), 0);
    lexer::scan(line, &mut Vec::new(), &mut values);
    values.1
}

/// Where `part` ends in `line`, of which it is a slice.
pub(super) fn offset(line: &[u8], _gap: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize - line.as_ptr() as usize) + part.len()
}

/// The mark of a run in a signature.
pub(super) const RUN: u64 = 0x7661_6c75_6573;

#[derive(Debug, Clone, Default)]
pub(super) struct Signature {
    hash: u64,
    runs: Vec<Run>,
    elements: Vec<Element>,
    /// Where digits matter.
    exact: Vec<(usize, usize)>,
}

impl Signature {
    fn clear(&mut self) {
        self.hash = 0;
        self.runs.clear();
        self.elements.clear();
        self.exact.clear();
    }
}

impl Sink for Signature {
    #[inline]
    fn word(&mut self, gap: &[u8], word: &[u8], head: u64) {
        self.hash = mix_word(mix_gap(self.hash, gap), word, head);
    }

    #[inline]
    fn element(&mut self, gap: &[u8], element: &[u8], found: Value) {
        let mut between = 0;
        if found.first {
            self.hash = mix(mix_gap(self.hash, gap), RUN);
            self.runs.push(Run { first: self.elements.len() as u32, len: 1, ragged: false });
        } else if let Some(run) = self.runs.last_mut() {
            between = mix_gap(0, gap);
            run.len += 1;
        }
        let (shape, value) = match found.kind {
            Kind::Number => (1, 1),
            Kind::Whole => (2, 2),
            Kind::Unit => (mix_bytes(3, element), 3),
            Kind::Mixed => (found.shape, 4),
            Kind::Soft => (found.shape, mix_bytes(5, element)),
            Kind::Value => (11, mix_bytes(5, element)),
        };
        self.elements.push(Element { gap: between, shape, value });
    }

    fn exact(&mut self, start: usize, end: usize) {
        self.exact.push((start, end));
    }

    fn end(&mut self, gap: &[u8], cut: bool) {
        let gap = gap.trim_ascii_end();
        self.hash = mix(mix_gap(self.hash, gap), if cut { RUN } else { 0 });
        // the two largest hashes are taken: one says "several"
        self.hash = self.hash.min(u64::MAX - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[&str]) -> Vec<String> {
        let mut miner = Miner::default();
        let ids: Vec<TemplateId> = lines.iter().map(|l| miner.observe(l)).collect();
        let templates = miner.templates();
        ids.iter().map(|id| templates.resolve(*id).unwrap().text.clone()).collect()
    }

    #[test]
    fn values_are_marked_and_wording_stays() {
        for (line, text) in [
            ("took 12.5 ms", "took <*> ms"),
            ("dial tcp 10.0.0.7:443: connection refused", "dial tcp <*>: connection refused"),
            ("GET https://example.org/a?b=1 failed", "GET <*> failed"),
            ("open /etc/app/config.yaml: no such file", "open <*>: no such file"),
            ("read/write error", "read/write error"),
            ("at Sun Jul 10 07:24:24 2005", "at <*> <*> <*> <*>:<*>:<*> <*>"),
            ("session opened for user carol by (uid=0)", "session opened for user <*> by (uid=<*>)"),
            ("user authentication methods exhausted", "user authentication methods exhausted"),
            ("server.go:17 ssh2 ready", "server.go:<*> ssh2 ready"),
            ("peer 00:1a:4b:cc:dd:ee lost", "peer <*> lost"),
            ("temperature -7", "temperature <*>"),
            ("wait state enable.......0", "wait state enable.......<*>"),
            ("节点 node-17 未就绪", "节点 node-<*> 未就绪"),
            ("", ""),
        ] {
            assert_eq!(texts(&[line]), [text], "{line}");
        }
    }

    #[test]
    fn what_varies_becomes_a_value_and_what_does_not_stays() {
        assert_eq!(texts(&["disk sda1 failed", "disk sdb2 failed"])[0], "disk <*> failed");
        assert_eq!(texts(&["sent 1190 bytes (1.16 KB)", "sent 0 bytes"])[0], "sent <*> bytes <*>");
        assert_eq!(texts(&["size 4.0 KB, free 1.0 MB", "size 4.0 B, free 2.0 MB"])[0], "size <*>, free <*>");
        assert_eq!(texts(&["a queue=red x", "a queue=blue x"])[0], "a queue=<*> x");
        assert_eq!(texts(&["a level=info x", "a level=warn x"])[0], "a level=info x");
        let names = ["ash", "birch", "cedar", "elm", "fir", "holly", "larch", "maple", "oak"];
        let lines: Vec<String> = names.iter().map(|n| format!("worker {n} joined the pool")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(texts(&lines)[0], "worker <*> joined the pool");
        assert_eq!(texts(&lines[..5])[0], "worker ash joined the pool");
    }

    #[test]
    fn any_sharding_gives_the_same_templates() {
        let lines: Vec<String> = (0..3000)
            .map(|i| match i % 5 {
                0 => format!("user u{} logged in from 10.0.{}.{}", i % 7, i % 250, i % 13),
                1 => format!("block blk_{i} of {} KB stored", i % 90),
                2 => format!(
                    "host {} is gone",
                    ["ash", "birch", "cedar", "elm", "fir", "holly", "larch", "maple", "oak"][i % 9]
                ),
                3 => format!("queue=q{} depth {}", i % 3, i),
                _ => format!("values {}", vec!["7"; i % 6].join(", ")),
            })
            .collect();
        let mut whole = Miner::default();
        for l in &lines {
            whole.observe(l);
        }
        let mut shards = vec![Miner::default(); 4];
        let mut rng = crate::Rng::new(1);
        for l in &lines {
            shards[rng.below(4)].observe(l);
        }
        let (mut forth, mut back) = (Miner::default(), Miner::default());
        shards.iter().for_each(|s| forth.merge(s).unwrap());
        shards.iter().rev().for_each(|s| back.merge(s).unwrap());
        let list = |m: &Miner| m.templates().list().iter().map(|t| (t.id, t.text.clone(), t.count)).collect::<Vec<_>>();
        assert_eq!(list(&whole), list(&forth));
        assert_eq!(list(&whole), list(&back));
        let restored = Miner::restore(&forth.snapshot()).unwrap();
        assert_eq!(list(&restored), list(&forth));
        assert_eq!(restored.snapshot(), forth.snapshot());
    }

    #[test]
    fn live_signatures_are_bounded_and_frequent_ones_stay() {
        let mut miner = Miner::new(MinerConfig { max_live: 100, ..MinerConfig::default() });
        let letters = |mut n: usize| {
            let mut s = String::new();
            for _ in 0..4 {
                s.push((b'a' + (n % 26) as u8) as char);
                n /= 26;
            }
            s
        };
        for i in 0..5000 {
            miner.observe("the frequent one");
            miner.observe(format!("{} odd {}", letters(i), letters(i * 7 + 1)));
        }
        assert!(miner.live() <= 100 && miner.evicted().0 > 4000);
        let kept = miner.knows(miner.id_of("the frequent one"));
        assert!(kept);
        let live: u64 = miner.templates().list().iter().map(|t| t.count).sum();
        assert_eq!(live + miner.evicted().1, miner.lines());
    }

    #[test]
    fn any_bytes_are_a_line_and_foreign_bytes_no_snapshot() {
        let mut rng = crate::Rng::new(9);
        let alphabet = "ab1 ./\\:=\"'()[]<>-+@#*_%&~,;\u{8282}\n".as_bytes();
        let mut miner = Miner::default();
        for _ in 0..4000 {
            let line: Vec<u8> = (0..rng.below(40)).map(|_| alphabet[rng.below(alphabet.len())]).collect();
            let id = miner.observe(&line);
            assert_eq!(id, miner.id_of(&line));
            let _ = variables(&line);
        }
        miner.observe("x ".repeat(100_000));
        miner.observe("y".repeat(100_000));
        let templates = miner.templates();
        assert!(templates.list().iter().all(|t| t.text.len() < 20_000));
        let bytes = miner.snapshot();
        assert!(Miner::restore(&bytes).is_ok());
        for _ in 0..300 {
            let mut broken = bytes.clone();
            let at = rng.below(broken.len());
            broken[at] ^= 1 << rng.below(8);
            broken.truncate(broken.len() - rng.below(3));
            let _ = Miner::restore(&broken).map(|m| m.templates());
        }
        assert!(Miner::restore(&[]).is_err() && Miner::restore(b"RLTMxx").is_err());
    }

    #[test]
    fn values_of_a_line() {
        let v = variables(b"took 12 ms for user carol at 10.0.0.1:80");
        assert_eq!(v, [&b"12"[..], b"carol", b"10.0.0.1:80"]);
    }
}
