//! Recipes as PromQL.

use super::{Filter, Fold, How, Input, Recipe, Series};

/// Range of rates: four scrapes of a minute, so that one missing scrape leaves no hole.
const RANGE: &str = "[4m]";

impl Series {
    /// One expression for `query` or `query_range`; its result has just the labels of the scope.
    pub fn promql(&self) -> String {
        self.promql_of(&[])
    }

    /// The same for one thing: `matchers` are pieces such as `pod=~"cart-.*"` that every selector is narrowed by.
    pub fn promql_of(&self, matchers: &[String]) -> String {
        let by = self.scope.labels();
        let input = |i: &Input, buckets: bool| input(i, by, buckets, matchers);
        match &self.recipe {
            Recipe::Value(a) => input(a, false),
            Recipe::Share(a, b) => format!("{} / ({} > 0)", input(a, false), input(b, false)),
            Recipe::Rest(a) => format!("1 - {}", input(a, false)),
            Recipe::RestOfShare(a, b) => format!("1 - {} / ({} > 0)", input(a, false), input(b, false)),
            Recipe::Difference(a, b) => format!("{} - {}", input(a, false), input(b, false)),
            Recipe::Quantile(q, a) => format!("histogram_quantile({q}, {}) >= 0", input(a, true)),
        }
    }
}

fn input(input: &Input, by: &[&str], buckets: bool, matchers: &[String]) -> String {
    let fold = match input.fold {
        Fold::Sum => "sum",
        Fold::Mean => "avg",
        Fold::Max => "max",
        Fold::Min => "min",
    };
    let selector = selector(input.family, input.filter, matchers);
    let inner = match input.how {
        How::Gauge => selector,
        How::Rate => format!("rate({selector}{RANGE})"),
        How::Increase(over_s) => format!("increase({selector}[{over_s}s])"),
    };
    let mut labels = by.to_vec();
    if buckets {
        labels.push("le");
    }
    format!("{fold} by ({}) ({inner})", labels.join(", "))
}

fn selector(family: &str, filters: &[Filter], matchers: &[String]) -> String {
    let pieces: Vec<String> = filters.iter().map(matcher).chain(matchers.iter().cloned()).collect();
    if pieces.is_empty() { family.to_owned() } else { format!("{family}{{{}}}", pieces.join(",")) }
}

fn matcher(filter: &Filter) -> String {
    match filter {
        Filter::Is(name, value) => format!("{name}=\"{value}\""),
        Filter::Not(name, value) => format!("{name}!=\"{value}\""),
        Filter::In(name, values) => format!("{name}=~\"{}\"", values.join("|")),
        Filter::NotIn(name, values) => format!("{name}!~\"{}\"", values.join("|")),
        Filter::Starts(name, start) => format!("{name}=~\"{start}.*\""),
    }
}

#[cfg(test)]
mod tests {
    use super::super::by_id;

    #[test]
    fn expressions_read_as_a_person_would_write_them() {
        let promql = |id: &str| by_id(id).map(|s| s.promql()).unwrap_or_default();
        assert_eq!(
            promql("container_memory_share"),
            "sum by (namespace, pod, container) (container_memory_working_set_bytes{container!=\"\",container!=\"POD\"}) / \
             (sum by (namespace, pod, container) (kube_pod_container_resource_limits{resource=\"memory\"}) > 0)"
        );
        assert_eq!(
            promql("apiserver_latency_p99"),
            "histogram_quantile(0.99, sum by (instance, le) (rate(apiserver_request_duration_seconds_bucket\
             {verb!~\"WATCH|WATCHLIST|CONNECT\",subresource!~\"exec|log|attach|portforward|proxy\"}[4m]))) >= 0"
        );
    }
}
