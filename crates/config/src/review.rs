//! Tokens of the cluster as tokens of the API.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::TokenRole;

/// Asks the cluster whose a token is that stands not in `tokens`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokenReview {
    pub enabled: bool,
    /// A token must be for one of these; none: for the API server.
    pub audiences: Vec<String>,
    /// Who may do what; of several that fit the highest counts. Who is in none may do nothing.
    pub roles: Vec<TokenReviewRole>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokenReviewRole {
    pub role: TokenRole,
    pub groups: Vec<String>,
    pub users: Vec<String>,
    /// `NAMESPACE/NAME`, or `NAMESPACE/*`.
    pub service_accounts: Vec<String>,
}
