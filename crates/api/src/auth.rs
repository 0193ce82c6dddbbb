//! Who calls and what they may do: static bearer tokens kept as hashes, and reviews by the cluster.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// How long an answer of the cluster about a token counts, and of how many tokens they are kept.
const REVIEW_KEPT: Duration = Duration::from_secs(60);
const REVIEWS_MAX: usize = 1024;
/// Bytes of a token; a service account's has about 1,200.
const TOKEN_MAX: usize = 8192;

/// What a caller is. A receiver's token can push and read nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rank {
    Receiver,
    Viewer,
    Operator,
    Admin,
}

impl Rank {
    pub const fn word(self) -> &'static str {
        match self {
            Rank::Receiver => "receiver",
            Rank::Viewer => "viewer",
            Rank::Operator => "operator",
            Rank::Admin => "admin",
        }
    }

    pub const fn may(self, access: Access) -> bool {
        match access {
            Access::Public => true,
            Access::Push => !matches!(self, Rank::Viewer),
            Access::View => !matches!(self, Rank::Receiver),
            Access::Operate => matches!(self, Rank::Operator | Rank::Admin),
            Access::Administer => matches!(self, Rank::Admin),
        }
    }
}

/// What a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Liveness, and the page's own files, which hold no data.
    Public,
    Push,
    View,
    /// Acknowledge, resolve, silence.
    Operate,
    /// Dead letters.
    Administer,
}

impl Access {
    pub const fn word(self) -> &'static str {
        match self {
            Access::Public => "public",
            Access::Push => "push",
            Access::View => "view",
            Access::Operate => "operate",
            Access::Administer => "administer",
        }
    }
}

/// A static token. The token itself is nowhere: only its SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Who it is given to: stands in acknowledgements and in the audit.
    pub name: String,
    pub sha256: [u8; 32],
    pub rank: Rank,
}

impl Token {
    /// From 64 hexadecimal digits, as `printf %s "$token" | sha256sum` prints them.
    pub fn from_hex(name: &str, rank: Rank, hex: &str) -> Result<Token, String> {
        let wrong = || format!("token of {name}: want the SHA-256 as 64 hexadecimal digits");
        let digits = hex.trim().as_bytes();
        if digits.len() != 64 {
            return Err(wrong());
        }
        let mut sha256 = [0; 32];
        for (byte, pair) in sha256.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |c: u8| (c as char).to_digit(16).ok_or_else(wrong);
            *byte = (digit(pair[0])? * 16 + digit(pair[1])?).to_le_bytes()[0];
        }
        Ok(Token { name: name.to_owned(), sha256, rank })
    }

    /// From the token in plain text, for tests and first steps.
    pub fn from_plain(name: &str, rank: Rank, token: &str) -> Token {
        Token { name: name.to_owned(), sha256: digest(token), rank }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("name", &self.name).field("rank", &self.rank).finish_non_exhaustive()
    }
}

/// Who a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub name: String,
    pub rank: Rank,
}

/// Asks the cluster whose a token is (TokenReview, then what the groups of the owner are mapped to).
pub trait TokenReviewer: Send + Sync + 'static {
    /// `None`: the cluster does not know it, or its owner may do nothing here. An error: the cluster could not be asked.
    fn review(&self, token: String) -> BoxFuture<'_, Result<Option<Caller>, String>>;
}

/// How callers are known.
#[derive(Clone, Default)]
pub struct Auth {
    pub tokens: Vec<Token>,
    pub reviewer: Option<Arc<dyn TokenReviewer>>,
    /// Senders need no token. For those that cannot hold one.
    pub open_receivers: bool,
}

impl Auth {
    /// False: everybody is admin. Only for loopback.
    pub fn is_on(&self) -> bool {
        !self.tokens.is_empty() || self.reviewer.is_some()
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("tokens", &self.tokens)
            .field("reviewer", &self.reviewer.is_some())
            .field("open_receivers", &self.open_receivers)
            .finish()
    }
}

/// Why a caller is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    NoToken,
    Wrong,
    /// The cluster could not be asked.
    Unanswered(String),
}

type Reviews = HashMap<[u8; 32], (Instant, Option<Caller>)>;

/// The door: knows tokens, remembers reviews.
pub struct Door {
    auth: Auth,
    /// Of `auth` at first; may change while the door is in use.
    tokens: RwLock<Arc<[Token]>>,
    reviews: Mutex<Reviews>,
}

impl Door {
    pub fn new(auth: Auth) -> Door {
        let tokens = RwLock::new(Arc::from(auth.tokens.clone()));
        Door { auth, tokens, reviews: Mutex::default() }
    }

    fn tokens(&self) -> Arc<[Token]> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn is_on(&self) -> bool {
        !self.tokens().is_empty() || self.auth.reviewer.is_some()
    }

    pub fn open_receivers(&self) -> bool {
        self.auth.open_receivers || !self.is_on()
    }

    pub async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Unknown> {
        if !self.is_on() {
            return Ok(Caller { name: "local".into(), rank: Rank::Admin });
        }
        let token = presented(headers).ok_or(Unknown::NoToken)?;
        let hash = digest(&token);
        // All are compared, whichever fits: time tells nothing.
        let tokens = self.tokens();
        let mut found = None;
        for known in tokens.iter() {
            if same(&known.sha256, &hash) {
                found = Some(known);
            }
        }
        if let Some(known) = found {
            return Ok(Caller { name: known.name.clone(), rank: known.rank });
        }
        match &self.auth.reviewer {
            None => Err(Unknown::Wrong),
            Some(reviewer) => self.reviewed(reviewer.as_ref(), token, hash).await,
        }
    }

    async fn reviewed(&self, reviewer: &dyn TokenReviewer, token: String, hash: [u8; 32]) -> Result<Caller, Unknown> {
        let now = Instant::now();
        let known = {
            let reviews = self.reviews.lock().unwrap_or_else(PoisonError::into_inner);
            reviews.get(&hash).filter(|(until, _)| *until > now).map(|(_, caller)| caller.clone())
        };
        let caller = match known {
            Some(caller) => caller,
            None => {
                let caller = reviewer.review(token).await.map_err(Unknown::Unanswered)?;
                let mut reviews = self.reviews.lock().unwrap_or_else(PoisonError::into_inner);
                if reviews.len() >= REVIEWS_MAX {
                    reviews.retain(|_, (until, _)| *until > now);
                }
                if reviews.len() < REVIEWS_MAX {
                    reviews.insert(hash, (now + REVIEW_KEPT, caller.clone()));
                }
                caller
            }
        };
        caller.ok_or(Unknown::Wrong)
    }
}

/// Changes the tokens of a server that runs.
#[derive(Clone)]
pub struct DoorKeeper {
    pub(crate) door: Arc<Door>,
    /// Others reach the server, and it may not stand open.
    pub(crate) is_outside: bool,
}

impl DoorKeeper {
    /// # Errors
    /// With these tokens everybody who reaches the server could read and silence.
    pub fn check(&self, tokens: &[Token]) -> Result<(), String> {
        if self.is_outside && tokens.is_empty() && self.door.auth.reviewer.is_none() {
            return Err("no tokens: everybody who reaches this address could read and silence".to_owned());
        }
        Ok(())
    }

    /// These count from the next request on.
    pub fn set(&self, tokens: Vec<Token>) {
        *self.door.tokens.write().unwrap_or_else(PoisonError::into_inner) = Arc::from(tokens);
    }
}

impl fmt::Debug for DoorKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DoorKeeper").field("is_outside", &self.is_outside).finish_non_exhaustive()
    }
}

/// The token of `Authorization: Bearer …`, or the password of `Basic …` for senders that know nothing else.
fn presented(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok().filter(|v| v.len() <= TOKEN_MAX)?;
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned()).filter(|t| !t.is_empty());
    }
    if scheme.eq_ignore_ascii_case("basic") || scheme.eq_ignore_ascii_case("apikey") {
        let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        return decoded.split_once(':').map(|(_, password)| password.to_owned()).filter(|t| !t.is_empty());
    }
    None
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Without a branch on the bytes.
fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    std::hint::black_box(a.iter().zip(b).fold(0_u8, |all, (x, y)| all | (x ^ y))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_may_what_they_should() {
        let all = [Access::Public, Access::Push, Access::View, Access::Operate, Access::Administer];
        for (rank, expect) in [
            (Rank::Receiver, [true, true, false, false, false]),
            (Rank::Viewer, [true, false, true, false, false]),
            (Rank::Operator, [true, true, true, true, false]),
            (Rank::Admin, [true, true, true, true, true]),
        ] {
            assert_eq!(all.map(|a| rank.may(a)), expect, "{rank:?}");
        }
    }

    #[test]
    fn hashes_are_read_as_sha256sum_prints_them() {
        let hex = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        let read = Token::from_hex("ci", Rank::Viewer, hex).expect("64 digits");
        assert_eq!(read, Token::from_plain("ci", Rank::Viewer, "secret"));
        assert!(Token::from_hex("ci", Rank::Viewer, &hex[1..]).is_err());
        assert!(Token::from_hex("ci", Rank::Viewer, &hex.replace('b', "x")).is_err());
        assert!(!format!("{read:?}").contains("2bb8"));
    }
}
