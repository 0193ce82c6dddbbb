//! The end of a container's log.

/// A log that would help.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogWanted {
    pub namespace: String,
    pub pod: String,
    pub container: String,
    /// Of the container's previous run.
    pub previous: bool,
}

/// Lines as the container wrote them, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogTail {
    pub namespace: String,
    pub pod: String,
    /// Empty where the source does not tell: the pod's only container.
    pub container: String,
    /// Of the container's previous run.
    pub previous: bool,
    pub lines: Vec<String>,
}
