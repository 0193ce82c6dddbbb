//! Tables with a header line: columns are found by where the header's words begin.

use super::tree::given;

/// Column titles of two words; without this list a table whose blanks were collapsed could not be cut.
const TWO_WORDS: [(&str, &str); 14] = [
    ("LAST", "SEEN"),
    ("FIRST", "SEEN"),
    ("NOMINATED", "NODE"),
    ("READINESS", "GATES"),
    ("ACCESS", "MODES"),
    ("RECLAIM", "POLICY"),
    ("LAST", "SCHEDULE"),
    ("NODE", "SELECTOR"),
    ("POD", "SELECTOR"),
    ("MIN", "AVAILABLE"),
    ("MAX", "UNAVAILABLE"),
    ("ALLOWED", "DISRUPTIONS"),
    ("CREATED", "AT"),
    ("POD", "LABELS"),
];

#[derive(Debug)]
pub(super) struct Table<'a> {
    names: Vec<&'a str>,
    /// Where each column begins, in characters.
    starts: Vec<usize>,
}

/// One line of a table.
pub(super) struct Row<'t, 'a> {
    table: &'t Table<'t>,
    cells: &'t [&'a str],
}

impl<'a> Table<'a> {
    /// True for the header of a `get` table: capitals only, and a first title that kubectl begins tables with.
    pub fn is_header(line: &str) -> bool {
        let line = line.trim_ascii();
        let first = ["NAME", "NAMESPACE", "LAST SEEN", "FIRST SEEN", "LASTSEEN", "FIRSTSEEN"];
        let begins = first.iter().any(|f| line.strip_prefix(f).is_some_and(|r| r.starts_with([' ', '\t'])));
        begins
            && line.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b" \t-()/%_".contains(&b))
            && line.split_ascii_whitespace().count() >= 2
    }

    /// Reads the header of a `get` table, or the title line of a table inside `describe`.
    pub fn header(line: &'a str) -> Table<'a> {
        let (mut names, mut starts) = split_wide(line);
        let two_word =
            |n: &str| n.split_once(' ').is_none_or(|(a, b)| TWO_WORDS.iter().any(|&(x, y)| x == a && y == b));
        let capitals = !line.bytes().any(|b| b.is_ascii_lowercase());
        if capitals && (names.len() < 2 || !names.iter().all(|n| two_word(n))) {
            (names, starts) = split_words(line);
        }
        Table { names, starts }
    }

    pub fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    pub fn names(&self) -> &[&'a str] {
        &self.names
    }

    /// Cuts a line into one cell per column. False if it does not look like a row of this table.
    pub fn cells<'b>(&self, line: &'b str, out: &mut Vec<&'b str>) -> bool {
        out.clear();
        let columns = self.names.len();
        if line.is_ascii() {
            if self.fits(line.len(), |at| line.as_bytes().get(at) == Some(&b' ')) {
                out.extend((0..columns).map(|i| self.slice(line, i, |at| at.min(line.len()))));
            }
        } else {
            let mut offsets: Vec<usize> = line.char_indices().map(|(i, _)| i).collect();
            offsets.push(line.len());
            let byte = |at: usize| offsets.get(at).copied().unwrap_or(line.len());
            if self.fits(offsets.len() - 1, |at| line[byte(at)..].starts_with(' ')) {
                out.extend((0..columns).map(|i| self.slice(line, i, byte)));
            }
        }
        // a row that the header's columns do not fit: later pages of a long list, a pasted text with collapsed blanks
        if out.is_empty() || out.first().is_some_and(|c| c.is_empty()) {
            out.clear();
            split_cells(line, columns, out);
        }
        out.len() == columns && !out[0].is_empty()
    }

    /// True if every column boundary falls on a blank.
    fn fits(&self, length: usize, blank: impl Fn(usize) -> bool) -> bool {
        self.starts.iter().skip(1).all(|&s| s >= length || s == 0 || blank(s - 1))
            && self.starts.get(1).is_none_or(|&s| s < length || self.names.len() <= 2)
    }

    fn slice<'b>(&self, line: &'b str, column: usize, byte: impl Fn(usize) -> usize) -> &'b str {
        let from = byte(self.starts[column]);
        let to = self.starts.get(column + 1).map_or(line.len(), |&s| byte(s));
        // the first column also takes what stands left of it: rows may be less indented than the header
        let from = if column == 0 { 0 } else { from };
        line.get(from..to).unwrap_or("").trim_ascii()
    }

    pub fn row<'t, 'b>(&'t self, cells: &'t [&'b str]) -> Row<'t, 'b>
    where
        'a: 't,
    {
        Row { table: self, cells }
    }
}

impl<'a> Row<'_, 'a> {
    /// The cell of a column; `""` where there is no such column or it says `<none>`.
    pub fn get(&self, name: &str) -> &'a str {
        given(self.raw(name))
    }

    /// The cell as it stands.
    pub fn raw(&self, name: &str) -> &'a str {
        let at = self.table.names.iter().position(|n| *n == name);
        at.and_then(|i| self.cells.get(i)).copied().unwrap_or("")
    }

    /// The column is there, whatever it says.
    pub fn has(&self, name: &str) -> bool {
        self.table.has(name)
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name).split_ascii_whitespace().next()?.parse().ok()
    }
}

/// Titles parted by two blanks or a tab.
fn split_wide(line: &str) -> (Vec<&str>, Vec<usize>) {
    let mut names = Vec::new();
    let mut starts = Vec::new();
    let mut position = 0;
    let mut rest = line;
    while !rest.is_empty() {
        let trimmed = rest.trim_start();
        position += rest.chars().count() - trimmed.chars().count();
        if trimmed.is_empty() {
            break;
        }
        let end = gap(trimmed).unwrap_or(trimmed.len());
        let (name, after) = trimmed.split_at(end);
        names.push(name.trim_end());
        starts.push(position);
        position += name.chars().count();
        rest = after;
    }
    (names, starts)
}

/// Where the next gap of at least two blanks (or a tab) begins.
fn gap(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len())
        .find(|&i| bytes[i] == b'\t' || (bytes[i] == b' ' && bytes.get(i + 1).is_some_and(|b| b" \t".contains(b))))
}

/// Titles of a header whose blanks were collapsed.
fn split_words(line: &str) -> (Vec<&str>, Vec<usize>) {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let offset = |w: &str| w.as_ptr() as usize - line.as_ptr() as usize;
    let (mut names, mut starts) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < words.len() {
        let from = offset(words[at]);
        let pair = words.get(at + 1).is_some_and(|next| TWO_WORDS.contains(&(words[at], next)));
        let last = if pair { words[at + 1] } else { words[at] };
        names.push(line.get(from..offset(last) + last.len()).unwrap_or(words[at]));
        starts.push(from);
        at += 1 + usize::from(pair);
    }
    (names, starts)
}

/// Cells of a row that is not aligned: first by wide gaps, then by single blanks with `(3m ago)` kept together.
fn split_cells<'b>(line: &'b str, columns: usize, out: &mut Vec<&'b str>) {
    let mut rest = line.trim();
    while !rest.is_empty() && out.len() + 1 < columns {
        let Some(end) = gap(rest) else { break };
        let (cell, after) = rest.split_at(end);
        out.push(cell.trim());
        rest = after.trim_start();
    }
    out.push(rest.trim());
    if out.len() == columns {
        return;
    }
    out.clear();
    let mut rest = line.trim();
    while !rest.is_empty() && out.len() + 1 < columns {
        let end = rest.find([' ', '\t']).unwrap_or(rest.len());
        let after = rest[end..].trim_start();
        let closing = after.starts_with('(').then(|| after.find(')')).flatten();
        match closing.filter(|_| rest[..end].bytes().all(|b| b.is_ascii_alphanumeric())) {
            Some(close) => {
                let whole = end + (rest[end..].len() - after.len()) + close + 1;
                out.push(&rest[..whole]);
                rest = rest[whole..].trim_start();
            }
            None => {
                out.push(&rest[..end]);
                rest = after;
            }
        }
    }
    if out.len() + 1 == columns {
        out.push(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, line: &str, want: &[(&str, &str)]) {
        let table = Table::header(header);
        let mut cells = Vec::new();
        assert!(table.cells(line, &mut cells), "{line}");
        let row = table.row(&cells);
        for (name, value) in want {
            assert_eq!(row.raw(name), *value, "{name} of {line}");
        }
    }

    #[test]
    fn cells_are_found_by_the_header() {
        let header = "NAME     READY   STATUS    RESTARTS       AGE   NOMINATED NODE";
        check(
            header,
            "cart-1   0/1     Running   5 (3m ago)     9d    <none>",
            &[("NAME", "cart-1"), ("RESTARTS", "5 (3m ago)"), ("NOMINATED NODE", "<none>")],
        );
        check(
            "NAME   CAPACITY   ACCESS MODES   STORAGECLASS   AGE",
            "pv-1   1Gi        RWO                           4d",
            &[("ACCESS MODES", "RWO"), ("STORAGECLASS", ""), ("AGE", "4d")],
        );
        check("NAME   STATUS", "été    Ready", &[("NAME", "été"), ("STATUS", "Ready")]);
    }

    #[test]
    fn rows_that_lost_their_columns_are_still_cut() {
        let header = "NAME READY STATUS RESTARTS AGE";
        check(
            header,
            "cart-1 0/1 CrashLoopBackOff 5 (3m ago) 9d",
            &[("STATUS", "CrashLoopBackOff"), ("RESTARTS", "5 (3m ago)"), ("AGE", "9d")],
        );
        check(
            "NAME   READY   STATUS   RESTARTS   AGE",
            "a-much-longer-name-than-the-header   1/1   Running   0   9d",
            &[("NAME", "a-much-longer-name-than-the-header"), ("AGE", "9d")],
        );
        check("NAME\tREADY\tSTATUS", "cart-1\t1/1\tRunning", &[("READY", "1/1")]);
        check(
            "LAST SEEN TYPE REASON OBJECT MESSAGE",
            "3m Warning BackOff pod/cart-1 Back-off restarting failed container",
            &[("LAST SEEN", "3m"), ("MESSAGE", "Back-off restarting failed container")],
        );
    }

    #[test]
    fn prose_is_no_header() {
        assert!(Table::is_header("NAME   READY   STATUS"));
        assert!(Table::is_header("NAMESPACE   NAME   PORT(S)"));
        assert!(!Table::is_header("NAME"));
        assert!(!Table::is_header("Name:  cart"));
        assert!(!Table::is_header("NAME and address"));
    }
}
