//! What can be set.

use std::str::FromStr;

/// How items are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Equal values of chosen labels, as Alertmanager's `group_by`.
    Alertmanager,
    /// One node, five minutes.
    NodeWindow,
    /// No longer gap than a minute between arrivals.
    TimeGap,
    /// Similar label sets within five minutes.
    Jaccard,
    /// Similar words: TF-IDF and DBSCAN.
    Text,
    /// Onsets close together on things that hang together.
    OnsetTopology,
    /// Onset, topology with directions and delays, common causes, shared parts, zones, bursts.
    #[default]
    Full,
}

impl Mode {
    pub const ALL: [Mode; 7] = [
        Mode::Alertmanager,
        Mode::NodeWindow,
        Mode::TimeGap,
        Mode::Jaccard,
        Mode::Text,
        Mode::OnsetTopology,
        Mode::Full,
    ];

    pub const fn word(self) -> &'static str {
        match self {
            Mode::Alertmanager => "alertmanager",
            Mode::NodeWindow => "node-window",
            Mode::TimeGap => "time-gap",
            Mode::Jaccard => "jaccard",
            Mode::Text => "text",
            Mode::OnsetTopology => "onset-topology",
            Mode::Full => "full",
        }
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(word: &str) -> Result<Mode, String> {
        Mode::ALL.into_iter().find(|m| m.word() == word).ok_or_else(|| {
            let known: Vec<&str> = Mode::ALL.iter().map(|m| m.word()).collect();
            format!("no correlation mode {word:?}, there are {}", known.join(", "))
        })
    }
}

/// Settings of all modes and of the life of groups. Times in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub mode: Mode,
    /// Labels of `alertmanager`; kube-prometheus ships `[namespace]`.
    pub group_by: Vec<String>,
    /// Window of `node-window` and `jaccard`, both 300 as found in products.
    pub window_s: u32,
    /// Gap of `time-gap`.
    pub gap_s: u32,
    /// Least Jaccard similarity of `jaccard`.
    pub similarity: f64,
    /// Greatest cosine distance of `text`.
    pub distance: f64,
    /// Hops of `onset-topology`.
    pub hops: u32,
    /// Distance of onsets in `onset-topology`.
    pub onset_s: u32,
    /// `full`: groups that opened within so many seconds may still turn out to be one; afterwards what was told stays.
    /// 0: an item's group is fixed when it arrives.
    pub revise_s: u32,
    /// A group resolves when nothing in it fired for so long.
    pub resolve_after_s: u32,
    /// A member that comes back within this time after its end belongs where it was, and opens a resolved group again.
    pub reopen_within_s: u32,
    /// Resolved groups are kept so long to come back to.
    pub keep_resolved_s: u32,
    /// Groups in memory; above it the longest quiet ones go, then the oldest.
    pub groups_max: usize,
    /// Items in memory; above it groups go as above.
    pub items_max: usize,
    /// Members of one group; further ones are counted only.
    pub members_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            mode: Mode::Full,
            group_by: vec!["namespace".into()],
            window_s: 300,
            gap_s: 60,
            similarity: 0.5,
            distance: 0.7,
            hops: 2,
            onset_s: 120,
            revise_s: 60,
            resolve_after_s: 300,
            reopen_within_s: 600,
            keep_resolved_s: 3600,
            groups_max: 20_000,
            items_max: 200_000,
            members_max: 20_000,
        }
    }
}
