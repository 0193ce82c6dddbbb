//! What a call of a correlator changed.

use rootline_model::{Fingerprint, Severity};

use crate::{GroupId, Reason};

/// One change of one group. A group number that never appears as `Opened`, nor in what was restored, does not exist.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Opened {
        group: GroupId,
    },
    /// An item became a member, the one that opened the group too.
    Joined {
        group: GroupId,
        item: Fingerprint,
        reason: Reason,
    },
    /// A member came back after its end.
    Returned {
        group: GroupId,
        item: Fingerprint,
    },
    /// A member's end has passed.
    Ended {
        group: GroupId,
        item: Fingerprint,
    },
    /// All members of `from` are members of `into` now; `from` is gone.
    Merged {
        from: GroupId,
        into: GroupId,
        reason: Reason,
    },
    CoreChanged {
        group: GroupId,
        core: Fingerprint,
    },
    /// Only ever up while the group lives.
    SeverityRaised {
        group: GroupId,
        severity: Severity,
    },
    Resolved {
        group: GroupId,
    },
    Reopened {
        group: GroupId,
    },
    /// A resolved group left memory, or the bound on groups or items was hit and the oldest quiet one went.
    Forgotten {
        group: GroupId,
    },
}

impl Change {
    /// The group concerned; of a merge the one that stays.
    pub fn group(&self) -> GroupId {
        match self {
            Change::Merged { into, .. } => *into,
            Change::Opened { group }
            | Change::Joined { group, .. }
            | Change::Returned { group, .. }
            | Change::Ended { group, .. }
            | Change::CoreChanged { group, .. }
            | Change::SeverityRaised { group, .. }
            | Change::Resolved { group }
            | Change::Reopened { group }
            | Change::Forgotten { group } => *group,
        }
    }
}
