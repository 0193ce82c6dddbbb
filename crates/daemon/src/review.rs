//! Tokens of the cluster: whose they are, and what the configuration lets their holders do.

use std::sync::Arc;

use futures::future::BoxFuture;
use rootline_api::{Caller, Rank, TokenReviewer};
use rootline_config::{TokenReview, TokenReviewRole};
use rootline_sources::live::LiveOptions;
use rootline_sources::watch::{Holder, Reviews};
use tokio::sync::Semaphore;

use crate::DaemonError;
use crate::reload::rank;

/// Questions to the cluster at once: who floods us with tokens must not flood the API server.
const AT_ONCE: usize = 8;
const ACCOUNT: &str = "system:serviceaccount:";

/// See the module.
pub struct Reviewer {
    reviews: Reviews,
    roles: Vec<TokenReviewRole>,
    turns: Semaphore,
}

impl Reviewer {
    /// `None`: it is not asked for.
    ///
    /// # Errors
    /// There is no cluster to ask, or it cannot be connected to.
    pub async fn start(
        config: &TokenReview,
        live: Option<&LiveOptions>,
    ) -> Result<Option<Arc<dyn TokenReviewer>>, DaemonError> {
        if !config.enabled {
            return Ok(None);
        }
        let none = || DaemonError::Config("daemon.token_review needs a cluster: kubernetes.enabled".to_owned());
        let live = live.ok_or_else(none)?;
        let reviews = Reviews::start(live, config.audiences.clone()).await;
        let reviews = reviews.map_err(|e| DaemonError::Cluster(e.to_string()))?;
        Ok(Some(Arc::new(Reviewer { reviews, roles: config.roles.clone(), turns: Semaphore::new(AT_ONCE) })))
    }
}

impl TokenReviewer for Reviewer {
    fn review(&self, token: String) -> BoxFuture<'_, Result<Option<Caller>, String>> {
        Box::pin(async move {
            let _turn = self.turns.acquire().await.map_err(|e| e.to_string())?;
            let holder = self.reviews.review(&token).await?;
            Ok(holder.and_then(|h| Some(Caller { rank: allowed(&self.roles, &h)?, name: h.user })))
        })
    }
}

/// The highest role that the holder has; `None`: none.
fn allowed(roles: &[TokenReviewRole], holder: &Holder) -> Option<Rank> {
    let account = holder.user.strip_prefix(ACCOUNT).map(|a| a.replacen(':', "/", 1)).unwrap_or_default();
    let namespace = account.split('/').next().filter(|n| !n.is_empty());
    let is_account = |a: &String| {
        !account.is_empty() && (*a == account || a.strip_suffix("/*").is_some_and(|n| namespace == Some(n)))
    };
    let has = |r: &&TokenReviewRole| {
        r.users.contains(&holder.user)
            || r.groups.iter().any(|g| holder.groups.contains(g))
            || r.service_accounts.iter().any(is_account)
    };
    let height = |rank: &Rank| match rank {
        Rank::Receiver => 0,
        Rank::Viewer => 1,
        Rank::Operator => 2,
        Rank::Admin => 3,
    };
    roles.iter().filter(has).map(|r| rank(r.role)).max_by_key(height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_role_that_fits_counts_and_nobody_gets_one_by_chance() {
        let yaml = "daemon: {token_review: {enabled: true, roles: [\
            {role: viewer, groups: ['system:authenticated']},\
            {role: operator, service_accounts: [shop/deployer, 'ops/*']},\
            {role: admin, users: [alice]}]}}";
        let roles = rootline_config::parse("f", yaml).expect("valid").daemon.token_review.roles;
        let of = |user: &str, groups: &[&str]| {
            let groups = groups.iter().map(|g| (*g).to_owned()).collect();
            allowed(&roles, &Holder { user: user.to_owned(), groups })
        };
        assert_eq!(of("alice", &["system:authenticated"]), Some(Rank::Admin));
        assert_eq!(of("bob", &["system:authenticated"]), Some(Rank::Viewer));
        assert_eq!(of("bob", &[]), None);
        assert_eq!(of("system:serviceaccount:shop:deployer", &[]), Some(Rank::Operator));
        assert_eq!(of("system:serviceaccount:ops:any", &[]), Some(Rank::Operator));
        assert_eq!(of("system:serviceaccount:shop:other", &[]), None);
        // a user who calls himself like an account of another namespace
        assert_eq!(of("ops/x", &[]), None);
        assert_eq!(of("system:serviceaccount:opsx:any", &[]), None);
    }
}
