//! One list, page by page, through everything that can happen to it.

use http::StatusCode;
use rootline_model::Timestamp;
use rootline_objects::Object;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::kinds::Resource;
use super::options::Progress;
use super::session::{Answer, Session};

/// How a list ended. Whatever was read before is kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Complete,
    /// The server does not know the resource.
    Unknown,
    Forbidden(String),
    Unauthorised(String),
    /// Cut off in the middle, or not begun.
    Failed(String),
}

/// What came of one list.
pub(super) struct Listed {
    pub resource: Resource,
    pub version: String,
    /// `None`: all namespaces.
    pub namespace: Option<String>,
    pub objects: Vec<Object>,
    /// Items as they came, if they are to be recorded.
    pub raw: Vec<String>,
    /// Objects that could not be read, with the reason.
    pub bad: Vec<(String, String)>,
    pub ended: Ended,
    pub date: Option<Timestamp>,
}

/// What to do with every raw item, if it is to be kept.
pub(super) type Keep<'k> = Option<&'k (dyn Fn(&Resource, &str, &str) -> String + Sync)>;

pub(super) struct Lister<'s> {
    pub session: &'s Session,
    pub progress: &'s dyn Progress,
    pub keep: Keep<'s>,
    pub page_size: usize,
    /// Fetch config maps whole.
    pub config_data: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page<'a> {
    metadata: PageMeta,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PageMeta {
    #[serde(rename = "continue")]
    next: Option<String>,
}

/// What to do after a page.
enum Step {
    Next(String),
    Stop(Ended),
    Expired,
}

impl Lister<'_> {
    /// Lists a resource in one namespace or in all.
    pub async fn list(&self, resource: Resource, version: &str, namespace: Option<&str>) -> Listed {
        let mut listed = Listed {
            resource,
            version: version.to_owned(),
            namespace: namespace.map(str::to_owned),
            objects: Vec::new(),
            raw: Vec::new(),
            bad: Vec::new(),
            ended: Ended::Complete,
            date: None,
        };
        let limit = resource.page_size(self.page_size);
        let base = format!("{}?limit={limit}", resource.path(version, namespace));
        let mut next: Option<String> = None;
        let mut restarted = false;
        loop {
            let path = match &next {
                Some(token) => format!("{base}&continue={}", percent(token)),
                None => base.clone(),
            };
            match self.page(&path, &mut listed).await {
                Step::Next(token) => next = Some(token),
                // etcd has compacted the version that the list began with: once more from the start
                Step::Expired if !restarted => {
                    restarted = true;
                    next = None;
                    listed.objects.clear();
                    listed.raw.clear();
                    listed.bad.clear();
                }
                Step::Expired => {
                    listed.ended = Ended::Failed("410 Gone: the list expired twice while it was read".into());
                    return listed;
                }
                Step::Stop(ended) => {
                    listed.ended = ended;
                    return listed;
                }
            }
        }
    }

    async fn page(&self, path: &str, listed: &mut Listed) -> Step {
        let only_names = listed.resource.metadata_only && !(self.config_data && listed.resource.plural == "configmaps");
        let accept = if only_names {
            "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
        } else {
            "application/json"
        };
        let answer = match self.session.get(path, accept).await {
            Ok(answer) => answer,
            Err(e) => return Step::Stop(Ended::Failed(e.describe())),
        };
        listed.date = listed.date.max(answer.date);
        match answer.status {
            StatusCode::OK => self.take(&answer, listed),
            StatusCode::GONE => Step::Expired,
            StatusCode::FORBIDDEN => Step::Stop(Ended::Forbidden(answer.message())),
            StatusCode::UNAUTHORIZED => Step::Stop(Ended::Unauthorised(answer.message())),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_ACCEPTABLE => {
                Step::Stop(Ended::Unknown)
            }
            _ => Step::Stop(Ended::Failed(answer.message())),
        }
    }

    /// Reads a page at once; its bytes are gone before the next one comes.
    fn take(&self, answer: &Answer, listed: &mut Listed) -> Step {
        let page: Page<'_> = match serde_json::from_slice(&answer.body) {
            Ok(page) => page,
            Err(e) => return Step::Stop(Ended::Failed(format!("not the JSON of a list: {e}"))),
        };
        let resource = listed.resource;
        for item in page.items.unwrap_or_default() {
            match Object::from_json(resource.kind, item.get()) {
                Some(Ok(object)) => {
                    if let Some(keep) = self.keep {
                        listed.raw.push(keep(&resource, &listed.version, item.get()));
                    }
                    listed.objects.push(object.shrunk());
                }
                Some(Err(e)) => listed.bad.push((resource.full_name(), e.to_string())),
                None => {}
            }
        }
        self.progress.listed(resource.plural, listed.objects.len());
        match page.metadata.next.filter(|token| !token.is_empty()) {
            Some(token) => Step::Next(token),
            None => Step::Stop(Ended::Complete),
        }
    }
}

/// Percent-encodes a query value.
pub(crate) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
