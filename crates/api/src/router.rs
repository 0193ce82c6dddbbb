//! All routes, each with what it asks of its caller.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use http::{Method, StatusCode};
use tower_http::compression::CompressionLayer;

use crate::auth::Access;
use crate::problem::Problem;
use crate::routes::{alertmanager, incidents, more, own};
use crate::server::Shared;
use crate::{guard, page, push};

type Routed = MethodRouter<Arc<Shared>>;

/// A route as documents and tests see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
}

pub fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new();
    for (route, method) in all() {
        let layer = from_fn_with_state((shared.clone(), route.access), guard::inner);
        let method = method.layer(layer);
        let is_bulk = route.path.ends_with("/_bulk");
        router =
            router.route(route.path, if is_bulk { method.layer(map_response(push::as_elasticsearch)) } else { method });
    }
    router
        .fallback(nowhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(shared.clone(), guard::outer))
        .with_state(shared)
}

/// Method, path, access, and who answers.
pub fn all() -> Vec<(Route, Routed)> {
    let mut all = Vec::new();
    all.extend(own_api());
    all.extend(like_alertmanager());
    all.extend(pushed());
    all.extend(page_and_health());
    all
}

fn own_api() -> Vec<(Route, Routed)> {
    use Access::{Administer, Operate, View};
    vec![
        route("GET", "/api/v1/incidents", View, get(incidents::list)),
        route("GET", "/api/v1/incidents/{id}", View, get(incidents::one)),
        route("POST", "/api/v1/incidents/{id}/ack", Operate, post(incidents::ack)),
        route("DELETE", "/api/v1/incidents/{id}/ack", Operate, delete(incidents::unack)),
        route("POST", "/api/v1/incidents/{id}/resolve", Operate, post(incidents::resolve)),
        route("POST", "/api/v1/incidents/{id}/notes", Operate, post(incidents::note)),
        route("GET", "/api/v1/incidents/{id}/charts", View, get(incidents::charts)),
        route("GET", "/api/v1/incidents/{id}/record", Operate, get(incidents::record)),
        route("GET", "/api/v1/alerts", View, get(more::alerts)),
        route("GET", "/api/v1/alerts/pairs", View, get(more::pairs)),
        route("GET", "/api/v1/silences", View, get(more::silences)),
        route("POST", "/api/v1/silences", Operate, post(more::silence)),
        route("DELETE", "/api/v1/silences/{id}", Operate, delete(more::expire)),
        route("GET", "/api/v1/events", View, get(more::events)),
        route("GET", "/api/v1/changes", View, get(more::changes)),
        route("GET", "/api/v1/status", View, get(own::status)),
        route("GET", "/api/v1/stream", View, get(own::stream)),
        route("GET", "/api/v1/dead-letters", View, get(more::dead_letters)),
        route("POST", "/api/v1/dead-letters/{id}/retry", Administer, post(more::retry)),
        route("POST", "/api/v1/-/reload", Administer, post(own::reload)),
        route("GET", "/api/v1/openapi.json", Access::Public, get(own::openapi)),
    ]
}

fn like_alertmanager() -> Vec<(Route, Routed)> {
    use Access::{Operate, View};
    vec![
        route("GET", "/api/v2/status", View, get(alertmanager::status)),
        route("GET", "/api/v2/receivers", View, get(alertmanager::receivers)),
        route("GET", "/api/v2/alerts", View, get(alertmanager::alerts)),
        route("GET", "/api/v2/alerts/groups", View, get(alertmanager::groups)),
        route("GET", "/api/v2/silences", View, get(alertmanager::silences)),
        route("POST", "/api/v2/silences", Operate, post(alertmanager::set)),
        route("GET", "/api/v2/silence/{id}", View, get(alertmanager::silence)),
        route("DELETE", "/api/v2/silence/{id}", Operate, delete(alertmanager::expire)),
    ]
}

fn pushed() -> Vec<(Route, Routed)> {
    use Access::Push;
    vec![
        route("POST", "/api/v2/alerts", Push, post(push::alerts)),
        route("POST", "/api/v1/webhook", Push, post(push::webhook)),
        route("POST", "/api/v1/write", Push, post(push::remote_write)),
        route("POST", "/api/v1/events", Push, post(push::events)),
        route("POST", "/loki/api/v1/push", Push, post(push::loki)),
        route("POST", "/otlp/v1/logs", Push, post(push::otlp_logs)),
        route("POST", "/v1/logs", Push, post(push::otlp_logs)),
        route("POST", "/v1/metrics", Push, post(push::otlp_metrics)),
        route("POST", "/v1/traces", Push, post(push::otlp_traces)),
        route("POST", "/api/v2/spans", Push, post(push::zipkin)),
        route("POST", "/_bulk", Push, post(push::bulk)),
        route("PUT", "/_bulk", Push, put(push::bulk)),
        route("POST", "/{index}/_bulk", Push, post(push::bulk)),
        route("PUT", "/{index}/_bulk", Push, put(push::bulk)),
    ]
}

fn page_and_health() -> Vec<(Route, Routed)> {
    use Access::{Administer, Public, View};
    vec![
        route("GET", "/", Public, get(page::index)),
        route("GET", "/page.css", Public, get(page::style)),
        route("GET", "/page.js", Public, get(page::script)),
        route("GET", "/picture.js", Public, get(page::pictures)),
        route("GET", "/metrics", View, get(own::metrics)),
        route("POST", "/-/reload", Administer, post(own::reload)),
        route("GET", "/-/healthy", Public, get(own::healthy)),
        route("GET", "/-/ready", Public, get(own::ready)),
    ]
}

const fn route(method: &'static str, path: &'static str, access: Access, routed: Routed) -> (Route, Routed) {
    (Route { method, path, access }, routed)
}

async fn nowhere(uri: http::Uri) -> Response {
    Problem::new(StatusCode::NOT_FOUND, format!("no such path: {}", uri.path())).into_response()
}

async fn wrong_method(method: Method, uri: http::Uri) -> Response {
    let detail = format!("{} does not take {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).into_response()
}
