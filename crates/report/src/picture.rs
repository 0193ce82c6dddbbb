//! The small topology picture of an incident as inline SVG.
//!
//! The cause stands on the left, each step away from it one column further right. Things of the same kind that hang
//! together in the same way are drawn as one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;

use rootline_model::{EntityRef, Incident, Lang};

use crate::html::escape;
use crate::say::{fill, word};
use crate::{names, plain, words};

/// Boxes drawn; the rest is counted.
const MOST_BOXES: usize = 30;
/// Columns drawn.
const MOST_COLUMNS: usize = 5;
/// As many alike are drawn as one.
const ALIKE: usize = 3;
/// Names in the tip of a box that stands for many.
const MOST_TIPS: usize = 20;

const BOX_W: i32 = 184;
const BOX_H: i32 = 44;
const STEP_X: i32 = 292;
const STEP_Y: i32 = 66;
const MARGIN: i32 = 14;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Cause,
    Affected,
    Other,
}

impl Role {
    const fn class(self) -> &'static str {
        match self {
            Role::Cause => "cause",
            Role::Affected => "affected",
            Role::Other => "other",
        }
    }
}

struct Drawn {
    members: Vec<EntityRef>,
    role: Role,
    column: usize,
    row: usize,
}

/// Boxes and the relations between them, by index.
struct Sketch {
    boxes: Vec<Drawn>,
    lines: Vec<(usize, &'static str, usize)>,
    /// Things that found no room.
    left_out: usize,
}

/// The picture, or nothing where there is nothing to relate.
pub fn svg(lang: Lang, incident: &Incident, title: &str) -> Option<String> {
    if incident.edges.is_empty() {
        return None;
    }
    let mut sketch = gathered(incident);
    place(&mut sketch);
    Some(draw(lang, &sketch, title))
}

fn gathered(incident: &Incident) -> Sketch {
    let cause = incident.causes.first().map(|c| &c.entity);
    let role = |e: &EntityRef| match e {
        e if cause.is_some_and(|c| c == e || c.whole() == *e) => Role::Cause,
        e if incident.affected.contains(e) => Role::Affected,
        _ => Role::Other,
    };
    let mut near: BTreeMap<&EntityRef, BTreeSet<(bool, &str, &EntityRef)>> = BTreeMap::new();
    for (from, word, to) in &incident.edges {
        near.entry(from).or_default().insert((true, word, to));
        near.entry(to).or_default().insert((false, word, from));
    }
    // Alike: same kind and namespace, and related in the same way to the same special things or the same kinds of others.
    let alike = |e: &EntityRef| -> String {
        let mut key = format!("{} {}", e.kind, e.namespace);
        let shapes = near.get(e).into_iter().flatten().map(|(out, word, other)| match role(other) {
            Role::Other => format!("{out}{word}{}", other.kind),
            _ => format!("{out}{word}{other}"),
        });
        for shape in shapes.collect::<BTreeSet<_>>() {
            let _ = write!(key, "|{shape}");
        }
        key
    };
    let mut groups: BTreeMap<(Rank, String), Vec<EntityRef>> = BTreeMap::new();
    for entity in near.keys() {
        let key = match role(entity) {
            Role::Cause => (0, entity.to_string()),
            Role::Affected => (1, entity.to_string()),
            Role::Other => (2, alike(entity)),
        };
        groups.entry(key).or_default().push((*entity).clone());
    }
    let mut boxes = Vec::new();
    let mut place_of: BTreeMap<EntityRef, usize> = BTreeMap::new();
    for members in groups.into_values() {
        let sets: Vec<Vec<EntityRef>> =
            if members.len() < ALIKE { members.into_iter().map(|m| vec![m]).collect() } else { vec![members] };
        for members in sets {
            place_of.extend(members.iter().map(|m| (m.clone(), boxes.len())));
            let role = members.first().map_or(Role::Other, role);
            boxes.push(Drawn { members, role, column: usize::MAX, row: 0 });
        }
    }
    let lines: BTreeSet<(usize, &'static str, usize)> = incident
        .edges
        .iter()
        .filter_map(|(from, word, to)| Some((*place_of.get(from)?, *word, *place_of.get(to)?)))
        .filter(|(from, _, to)| from != to)
        .collect();
    Sketch { boxes, lines: lines.into_iter().collect(), left_out: 0 }
}

/// Order of drawing: cause, affected, others.
type Rank = u8;

/// Columns by distance from the cause, rows by the mean row of the neighbours in the column before.
fn place(sketch: &mut Sketch) {
    let mut order = Vec::new();
    for start in 0..sketch.boxes.len() {
        let mut queue = VecDeque::from([(start, 0)]);
        while let Some((i, column)) = queue.pop_front() {
            if sketch.boxes[i].column != usize::MAX {
                continue;
            }
            sketch.boxes[i].column = column;
            order.push(i);
            let next =
                sketch.lines.iter().filter_map(|(a, _, b)| if *a == i { Some(*b) } else { (*b == i).then_some(*a) });
            queue.extend(next.map(|n| (n, column + 1)));
        }
    }
    let mut kept: Vec<usize> = order.into_iter().filter(|i| sketch.boxes[*i].column < MOST_COLUMNS).collect();
    kept.truncate(MOST_BOXES);
    let kept_set: BTreeSet<usize> = kept.iter().copied().collect();
    sketch.left_out =
        sketch.boxes.iter().enumerate().filter(|(i, _)| !kept_set.contains(i)).map(|(_, b)| b.members.len()).sum();
    sketch.lines.retain(|(a, _, b)| kept_set.contains(a) && kept_set.contains(b));
    for column in 0..MOST_COLUMNS {
        let mut here: Vec<usize> = kept.iter().copied().filter(|i| sketch.boxes[*i].column == column).collect();
        here.sort_by_key(|i| pull(sketch, *i, column));
        for (row, i) in here.into_iter().enumerate() {
            sketch.boxes[i].row = row;
        }
    }
    for (i, drawn) in sketch.boxes.iter_mut().enumerate() {
        if !kept_set.contains(&i) {
            drawn.column = usize::MAX;
        }
    }
}

/// Mean row of the neighbours one column to the left, in hundredths.
fn pull(sketch: &Sketch, i: usize, column: usize) -> usize {
    let rows: Vec<usize> = sketch
        .lines
        .iter()
        .filter_map(|(a, _, b)| if *a == i { Some(*b) } else { (*b == i).then_some(*a) })
        .filter(|n| sketch.boxes[*n].column + 1 == column)
        .map(|n| sketch.boxes[n].row)
        .collect();
    if rows.is_empty() { 0 } else { rows.iter().sum::<usize>() * 100 / rows.len() }
}

/// Left upper corners of the boxes; columns are centred against each other.
fn corners(sketch: &Sketch) -> (Vec<(i32, i32)>, i32, i32) {
    let mut heights = [0_i32; MOST_COLUMNS];
    for b in sketch.boxes.iter().filter(|b| b.column < MOST_COLUMNS) {
        heights[b.column] = heights[b.column].max(units(b.row) + 1);
    }
    let tallest = heights.iter().copied().max().unwrap_or(1);
    let columns = units(heights.iter().filter(|h| **h > 0).count());
    let corner = |b: &Drawn| {
        let height = heights.get(b.column).copied().unwrap_or(0);
        let column = units(b.column.min(MOST_COLUMNS));
        (MARGIN + column * STEP_X, MARGIN + (tallest - height) * STEP_Y / 2 + units(b.row) * STEP_Y)
    };
    let width = 2 * MARGIN + (columns - 1).max(0) * STEP_X + BOX_W;
    let height = 2 * MARGIN + (tallest - 1).max(0) * STEP_Y + BOX_H;
    (sketch.boxes.iter().map(corner).collect(), width, height)
}

/// Counts here are below thirty.
fn units(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(0)
}

fn draw(lang: Lang, sketch: &Sketch, title: &str) -> String {
    let (corners, width, height) = corners(sketch);
    // Relations inside one column bulge to the right of it.
    let width = width + if has_bulge(sketch) { 56 } else { 0 };
    let others = sketch.boxes.iter().map(|b| b.members.len()).sum::<usize>().saturating_sub(1);
    let alt = fill(lang, "picture.alt", &[("cause", title), ("count", &plain::thousands(others))]);
    let mut out = format!(
        "<svg viewBox=\"0 0 {width} {height}\" style=\"max-width:{width}px\" role=\"img\" aria-label=\"{}\">\n",
        escape(&alt)
    );
    let mut between: BTreeMap<(usize, usize), i32> = BTreeMap::new();
    let mut labels = String::new();
    for (from, relation, to) in &sketch.lines {
        let nth = between.entry((*from.min(to), *from.max(to))).or_default();
        let shift = *nth * 16;
        *nth += 1;
        line(&mut out, &mut labels, (corners[*from], corners[*to]), (relation_word(lang, relation), shift));
    }
    for (b, corner) in sketch.boxes.iter().zip(&corners).filter(|(b, _)| b.column < MOST_COLUMNS) {
        boxed(&mut out, lang, b, *corner);
    }
    out.push_str(&labels);
    out.push_str("</svg>\n");
    let mut legend: Vec<String> = [Role::Cause, Role::Affected, Role::Other]
        .into_iter()
        .filter(|role| sketch.boxes.iter().any(|b| b.role == *role && b.column < MOST_COLUMNS))
        .map(|role| {
            let key = match role {
                Role::Cause => "picture.cause",
                Role::Affected => "picture.affected",
                Role::Other => "picture.other",
            };
            format!("<span class=\"key {}\">{}</span>", role.class(), word(lang, key))
        })
        .collect();
    if sketch.left_out > 0 {
        let more = fill(lang, "picture.more", &[("count", &plain::thousands(sketch.left_out))]);
        legend.push(format!("<span>{more}</span>"));
    }
    let _ = writeln!(out, "<p class=\"legend\">{}</p>", legend.join(" "));
    out
}

fn has_bulge(sketch: &Sketch) -> bool {
    sketch.lines.iter().any(|(a, _, b)| sketch.boxes[*a].column == sketch.boxes[*b].column)
}

fn relation_word(lang: Lang, relation: &'static str) -> &'static str {
    words::word(lang, &format!("rel.{relation}")).unwrap_or(relation)
}

/// An arrow from box to box. Labels are drawn last, above everything.
fn line(out: &mut String, labels: &mut String, ends: ((i32, i32), (i32, i32)), text: (&str, i32)) {
    let ((from_x, from_y), (to_x, to_y)) = ends;
    let (label, shift) = text;
    let (y1, y2) = (from_y + BOX_H / 2 + shift, to_y + BOX_H / 2 + shift);
    let (x1, x2, bend1, bend2) = match from_x.cmp(&to_x) {
        std::cmp::Ordering::Less => (from_x + BOX_W, to_x - 7, STEP_X / 5, -STEP_X / 5),
        std::cmp::Ordering::Greater => (from_x, to_x + BOX_W + 7, -STEP_X / 5, STEP_X / 5),
        std::cmp::Ordering::Equal => (from_x + BOX_W, to_x + BOX_W + 7, 52, 52),
    };
    let _ = writeln!(out, "<path class=\"edge\" d=\"M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}\"/>", x1 + bend1, x2 + bend2);
    let tip = if bend2 < 0 { x2 + 7 } else { x2 - 7 };
    let _ = writeln!(out, "<path class=\"tip\" d=\"M{tip} {y2}L{x2} {}L{x2} {}Z\"/>", y2 - 4, y2 + 4);
    let middle = if from_x == to_x { x1 + 42 } else { x1.midpoint(x2) };
    let _ =
        writeln!(labels, "<text class=\"word\" x=\"{middle}\" y=\"{}\">{}</text>", y1.midpoint(y2) + 4, escape(label));
}

fn boxed(out: &mut String, lang: Lang, drawn: &Drawn, (x, y): (i32, i32)) {
    let Some(first) = drawn.members.first() else { return };
    let many = drawn.members.len();
    let kind = names::kinds(lang, first.kind.word(), many);
    let mut above = if many > 1 { format!("{} × {kind}", plain::thousands(many)) } else { kind };
    if !first.namespace.is_empty() {
        let _ = write!(above, " · {}", first.namespace);
    }
    let mut name = match &first.part {
        Some(part) if first.name.is_empty() => part.to_string(),
        Some(part) => format!("{}/{part}", first.name),
        None => first.name.to_string(),
    };
    if many > 1 {
        name = common_start(&drawn.members);
    }
    let tips: Vec<String> = drawn.members.iter().take(MOST_TIPS).map(names::shown).collect();
    let _ = writeln!(
        out,
        "<g class=\"box {}\"><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{BOX_W}\" height=\"{BOX_H}\" rx=\"7\"/>\
         <text class=\"kind\" x=\"{tx}\" y=\"{}\">{}</text><text class=\"name\" x=\"{tx}\" y=\"{}\">{}</text></g>",
        drawn.role.class(),
        escape(&tips.join("\n")),
        y + 17,
        escape(&plain::shorten(&plain::line(&above), 29)),
        y + 34,
        escape(&plain::shorten(&plain::line(&name), 24)),
        tx = x + 11,
    );
}

/// What the names of many have in common: `cart-7f9c5-…`.
fn common_start(members: &[EntityRef]) -> String {
    let mut start = members.first().map(|m| m.name.to_string()).unwrap_or_default();
    for member in members {
        let same: usize =
            start.chars().zip(member.name.chars()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum();
        start.truncate(same);
    }
    start.push('…');
    start
}

#[cfg(test)]
mod tests {
    use rootline_model::{Kind, Severity, Verdict};

    use super::*;

    fn incident(edges: Vec<(EntityRef, &'static str, EntityRef)>) -> Incident {
        Incident {
            number: 1,
            severity: Severity::Error,
            verdict: Verdict::Likely,
            onset: None,
            affected: vec![EntityRef::new(Kind::Service, "shop", "cart")],
            causes: Vec::new(),
            folded: Vec::new(),
            edges,
            gaps: Vec::new(),
        }
    }

    #[test]
    fn alike_things_are_one_box() {
        let service = EntityRef::new(Kind::Service, "shop", "cart");
        let pods = (0..40).map(|i| (service.clone(), "selects", EntityRef::pod("shop", &format!("cart-{i}"))));
        let drawn = svg(Lang::En, &incident(pods.collect()), "cart").expect("edges make a picture");
        assert_eq!(drawn.matches("<rect").count(), 2, "{drawn}");
        assert!(drawn.contains("40 × pods · shop") && drawn.contains("cart-…"), "{drawn}");
    }

    #[test]
    fn a_picture_stays_small_and_says_what_it_leaves_out() {
        let chain = (0..400)
            .map(|i| (EntityRef::node(&format!("n{i}")), "runs_on", EntityRef::node(&format!("n{}", i * 7 % 400))));
        let edges: Vec<_> = chain
            .chain((0..100).map(|i| (EntityRef::node("n1"), "calls", EntityRef::new(Kind::ALL[i % 38], "x", "y"))))
            .collect();
        let drawn = svg(Lang::Zh, &incident(edges), "<b>").expect("edges make a picture");
        assert!(drawn.matches("<rect").count() <= MOST_BOXES);
        assert!(!drawn.contains("<b>"));
        assert!(svg(Lang::En, &incident(Vec::new()), "").is_none());
    }

    #[test]
    fn loops_and_self_relations_end() {
        let (a, b) = (EntityRef::node("a"), EntityRef::node("b"));
        let edges =
            vec![(a.clone(), "calls", b.clone()), (b.clone(), "calls", a.clone()), (a.clone(), "nobody_knows", a)];
        assert!(svg(Lang::En, &incident(edges), "x").expect("edges make a picture").contains("calls"));
    }
}
