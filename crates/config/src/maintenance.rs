//! Maintenance windows: times in which nobody wants to be told of certain things.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

/// A window: once (`from` with `to` or `lasts`), or again and again (`schedule` with `lasts`).
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// Unique; shown at the incidents that it keeps quiet.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// RFC 3339: `2026-11-28T02:00:00+08:00`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub from: Option<Spanned<String>>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub to: Option<Spanned<String>>,
    #[serde(default)]
    pub schedule: Option<Schedule>,
    /// How long it lasts: `90m`, `2h`, `1d`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub lasts: Option<Spanned<String>>,
    /// As Alertmanager's: `namespace="shop"`, `node=~"worker-.*"`; all must match. At least one.
    #[schemars(with = "Vec<String>")]
    pub matchers: Vec<Spanned<String>>,
}

/// When a window begins, again and again.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Empty: every day.
    #[serde(default)]
    pub days: Vec<Day>,
    /// `02:00`
    #[schemars(with = "String")]
    pub at: Spanned<String>,
    /// IANA name: `Asia/Shanghai`; none: UTC.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub zone: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}
