//! The sentences of gaps, in both languages, and their counting.

use rootline_model::{Gap, GapKind, Lang, Message};
use rootline_objects::Signal;

/// Key, English and Chinese template of every gap that a source reports.
pub const GAP_TEXTS: &[(&str, &str, &str)] = &[
    ("gap.forbidden", "the account may not list it: {detail}", "当前账号无权列出：{detail}"),
    ("gap.server", "the API server did not deliver it: {detail}", "API Server 未能返回：{detail}"),
    ("gap.cut_list", "only the first {count} were read: {detail}", "只读到前 {count} 个：{detail}"),
    ("gap.metrics", "Prometheus could not be asked: {detail}", "无法查询 Prometheus：{detail}"),
    ("gap.log", "its log could not be read: {detail}", "日志无法读取：{detail}"),
    ("gap.truncated", "the file ends early, what was there was read: {detail}", "文件不完整，已读取现有部分：{detail}"),
    ("gap.broken", "not readable: {detail}", "无法读取：{detail}"),
    ("gap.object", "this object could not be read: {detail}", "该对象无法读取：{detail}"),
    ("gap.too_large", "left out, it is larger than {detail} bytes", "已跳过，大小超过 {detail} 字节"),
    ("gap.too_deep", "left out, an archive inside an archive inside an archive", "已跳过，压缩包嵌套过深"),
    ("gap.zip", "left out, zip is not read; unpack it first", "已跳过，不支持 zip，请先解压"),
    ("gap.collector", "the collector could not read it: {detail}", "采集时未能读取：{detail}"),
    ("gap.checksum", "not as it was recorded: {detail}", "与录制时不一致：{detail}"),
    (
        "gap.clock",
        "its time {detail} is far ahead of the rest and is not taken for now",
        "其时间 {detail} 远晚于其他数据，不作为当前时间",
    ),
    ("gap.not_yet", "not read yet", "尚未读取"),
    (
        "gap.stale",
        "known as it was at {time}; since then the API server did not deliver it: {detail}",
        "仅掌握 {time} 时的状态，此后 API Server 未能返回：{detail}",
    ),
    ("gap.limit", "only {count} are kept, there are more", "仅保留 {count} 个，实际更多"),
    ("gap.more", "{count} more like these", "另有 {count} 处类似情况"),
];

/// A gap with a sentence of the catalogue; the argument `text` holds the English one, filled.
pub(crate) fn gap(kind: GapKind, subject: impl Into<String>, key: &'static str, args: &[(&'static str, &str)]) -> Gap {
    let mut detail = Message::new(key);
    for (name, value) in args {
        detail = detail.arg(name, *value);
    }
    let template = GAP_TEXTS.iter().find(|(k, ..)| *k == key).map_or(key, |(_, en, _)| en);
    let text = detail.args.fill(template);
    Gap { kind, subject: subject.into(), detail: detail.arg("text", text) }
}

/// The sentence of a gap in a language; plain text and unknown keys stay as they are.
pub fn gap_text(gap: &Gap, lang: Lang) -> String {
    let known = GAP_TEXTS.iter().find(|(key, ..)| *key == gap.detail.key);
    match (known, lang) {
        (Some((_, _, zh)), Lang::Zh) => gap.detail.args.fill(zh),
        _ => gap.detail.args.get("text").unwrap_or_default().to_owned(),
    }
}

/// Gaps are part of the answer and must stay readable: after this many only their number is kept.
const SHOWN: usize = 100;

/// Gaps of one reading.
#[derive(Default)]
pub(crate) struct Gaps {
    shown: Vec<Gap>,
    more: usize,
}

impl Gaps {
    pub fn push(&mut self, gap: Gap) {
        if self.shown.contains(&gap) {
            return;
        }
        if self.shown.len() < SHOWN { self.shown.push(gap) } else { self.more += 1 }
    }

    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    pub fn into_signals(self) -> impl Iterator<Item = Signal> {
        let rest = (self.more > 0)
            .then(|| gap(GapKind::Unreadable, "input", "gap.more", &[("count", self.more.to_string().as_str())]));
        self.shown.into_iter().chain(rest).map(Signal::Gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_speak_both_languages() {
        let gap = gap(GapKind::Truncated, "pods.json", "gap.cut_list", &[("count", "500"), ("detail", "410 Gone")]);
        assert_eq!(gap_text(&gap, Lang::En), "only the first 500 were read: 410 Gone");
        assert_eq!(gap_text(&gap, Lang::Zh), "只读到前 500 个：410 Gone");
    }

    #[test]
    fn a_thousand_gaps_stay_readable() {
        let mut gaps = Gaps::default();
        for i in 0..1000 {
            gaps.push(gap(GapKind::Unreadable, format!("f{i}"), "gap.zip", &[]));
        }
        let signals: Vec<_> = gaps.into_signals().collect();
        assert_eq!(signals.len(), SHOWN + 1);
    }
}
