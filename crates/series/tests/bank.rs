//! One series at a time through the bank: what each rule is silent about, and what it says.

use rootline_model::{EntityRef, Finding, Kind, LabelSet, SeriesBatch, Timestamp};
use rootline_series::catalog::{Subject, by_id};
use rootline_series::{
    Bank, ByName, Change, ChangeKind, Context, Covers, LimitSetting, Maintenance, Options, SeriesId, corroborated,
    words,
};

const START_S: i64 = 1_704_067_200;
const DAY_MIN: i64 = 1440;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(START_S + minute * 60).expect("a moment of this century")
}

fn series(id: &str, labels: &[(&str, &str)], points: Vec<(i64, f64)>) -> SeriesBatch {
    let name = format!("rootline:{id}");
    let labels: LabelSet = labels.iter().copied().chain([("__name__", name.as_str())]).collect();
    SeriesBatch { labels, points: points.into_iter().map(|(m, v)| ((START_S + m * 60) * 1000, v)).collect() }
}

const PODS: [&str; 3] = ["cart-5c689d88bb-x7f2k", "cart-5c689d88bb-2bqzm", "cart-5c689d88bb-9kcdw"];

fn container(pod: &str) -> [(&str, &str); 3] {
    [("namespace", "shop"), ("pod", pod), ("container", "app")]
}

/// Catalogue id, labels, usual value.
type Usual<'a> = (&'a str, Vec<(&'a str, &'a str)>, f64);

/// A bank that knows `days` of `usual` for some series, in ten-minute steps.
fn learnt(days: i64, all: &[Usual<'_>]) -> Bank {
    let mut bank = Bank::new(Options::default());
    let batches: Vec<SeriesBatch> = all
        .iter()
        .map(|(id, labels, usual)| {
            let wobble = |m: i64| usual * (1.0 + 0.01 * ((m * 7 % 13) as f64 - 6.0) / 6.0);
            series(id, labels, (-days * DAY_MIN..0).step_by(10).map(|m| (m, wobble(m))).collect())
        })
        .collect();
    bank.backfill(&batches, &ByName, &Context::default());
    bank
}

/// Plays minutes; returns (minute, finding) of each first sight of a code and subject.
fn play(
    bank: &mut Bank,
    minutes: std::ops::Range<i64>,
    context: &Context<'_>,
    value: impl Fn(i64) -> Vec<SeriesBatch>,
) -> Vec<(i64, Finding)> {
    let mut first: Vec<(i64, Finding)> = Vec::new();
    for minute in minutes {
        bank.ingest(&value(minute), &ByName);
        for finding in bank.tick(at(minute), context) {
            let same = |f: &Finding| f.code == finding.code && f.args.get("subject") == finding.args.get("subject");
            if !first.iter().any(|(_, f)| same(f)) {
                first.push((minute, finding));
            }
        }
    }
    first
}

fn codes(said: &[(i64, Finding)]) -> Vec<&str> {
    said.iter().map(|(_, f)| f.code.as_str()).collect()
}

/// Three pods with one value each minute.
fn three(id: &'static str, shape: impl Fn(usize, i64) -> f64) -> impl Fn(i64) -> Vec<SeriesBatch> {
    move |m| {
        let one = |(k, pod): (usize, &&str)| series(id, &container(pod), vec![(m, shape(k, m))]);
        PODS.iter().enumerate().map(one).collect()
    }
}

fn change(minute: i64, kind: ChangeKind) -> Change {
    Change { at: at(minute), entity: EntityRef::new(Kind::Deployment, "shop", "cart"), kind }
}

#[test]
fn memory_near_its_limit_is_said_after_a_minute_with_the_numbers_and_ends_below_the_clearing_value() {
    let mut bank = Bank::new(Options::default());
    let context = Context::default();
    let shape = |_: usize, m: i64| match m {
        0..10 => 0.5,
        10..20 => 0.93,
        20..30 => 0.87,
        _ => 0.8,
    };
    let said = play(&mut bank, 0..25, &context, three("container_memory_share", shape));
    assert_eq!(codes(&said), ["series.memory_near_limit"; 3]);
    let (minute, finding) = &said[0];
    assert_eq!((*minute, finding.onset), (11, Some(at(10))));
    let (title, _) = words(finding).expect("a code of this crate");
    assert!(title.en.contains("93.0 %") && title.en.contains("limit 90.0 %"), "{}", title.en);
    assert!(title.zh.contains("内存占限额比例"), "{}", title.zh);
    assert!(format!("{:?}", finding.evidence).contains("cart-5c689d88bb"), "{:?}", finding.evidence);
    assert_eq!(bank.tick(at(26), &context).len(), 3, "between both values it stays");
    play(&mut bank, 27..32, &context, three("container_memory_share", shape));
    assert!(bank.tick(at(32), &context).is_empty(), "below the clearing value it ends");
}

#[test]
fn a_spike_shorter_than_the_hold_and_a_series_that_ended_say_nothing() {
    let mut bank = Bank::new(Options::default());
    let spike = three("container_memory_share", |_, m| if m == 5 { 0.99 } else { 0.5 });
    assert!(play(&mut bank, 0..20, &Context::default(), spike).is_empty());
    let high = three("container_memory_share", |_, _| 0.95);
    assert!(!play(&mut bank, 20..25, &Context::default(), high).is_empty());
    let nothing = |_: i64| Vec::new();
    play(&mut bank, 25..40, &Context::default(), nothing);
    assert!(bank.tick(at(40), &Context::default()).is_empty());
}

#[test]
fn maintenance_is_silent_and_the_users_threshold_counts_for_its_namespace() {
    let window = |what| Maintenance { from: at(0), until: at(60), what };
    let high = || three("container_memory_share", |_, _| 0.95);
    for what in
        [Covers::Everything, Covers::Namespace("shop".into()), Covers::Entity(change(0, ChangeKind::Gone).entity)]
    {
        let windows = [window(what)];
        let context = Context { maintenance: &windows, changes: &[] };
        let mut bank = Bank::new(Options::default());
        assert!(play(&mut bank, 0..59, &context, high()).is_empty());
        assert!(!play(&mut bank, 60..70, &context, high()).is_empty(), "after it, it is said");
    }
    let setting = |namespace: &str, at: f64, enabled| LimitSetting {
        series: "container_memory_share".into(),
        code: "series.memory_near_limit".into(),
        namespace: namespace.into(),
        at,
        clear: at - 0.01,
        hold_s: 0,
        enabled,
    };
    let said_with = |limits: Vec<LimitSetting>| {
        let mut bank = Bank::new(Options { limits, ..Options::default() });
        play(&mut bank, 0..10, &Context::default(), high()).len()
    };
    assert_eq!(said_with(vec![setting("", 0.97, true)]), 0);
    assert_eq!(said_with(vec![setting("", 0.97, true), setting("shop", 0.94, true)]), 3);
    assert_eq!(said_with(vec![setting("shop", 0.9, false)]), 0);
}

/// A window of a minute range.
fn window(minutes: std::ops::Range<i64>, what: Covers) -> Maintenance {
    Maintenance { from: at(minutes.start), until: at(minutes.end), what }
}

fn shop() -> Covers {
    Covers::Namespace("shop".into())
}

/// Of what was said, the minutes in which a code came first.
fn minutes_of(said: &[(i64, Finding)], code: &str) -> Vec<i64> {
    said.iter().filter(|(_, f)| f.code.as_str() == code).map(|(m, _)| *m).collect()
}

#[test]
fn what_history_did_under_maintenance_is_no_excuse_for_the_same_hour_of_another_day() {
    let night = 120..240;
    let history = |m: i64| if (night.start - DAY_MIN..night.end - DAY_MIN).contains(&m) { 6.0e8 } else { 4.0e8 };
    let batches: Vec<SeriesBatch> = PODS
        .map(|pod| {
            let wobble = |m: i64| history(m) * (1.0 + 0.01 * ((m * 7 % 13) as f64 - 6.0) / 6.0);
            let points = (-3 * DAY_MIN..0).step_by(10).map(|m| (m, wobble(m))).collect();
            series("container_memory", &container(pod), points)
        })
        .into();
    let said = |windows: &[Maintenance]| {
        let mut bank = Bank::new(Options::default());
        let context = Context { changes: &[], maintenance: windows };
        bank.backfill(&batches, &ByName, &context);
        minutes_of(&play(&mut bank, 0..200, &context, used(6.0e8)), "series.level_shift")
    };
    let other = Covers::Namespace("other".into());
    assert!(said(&[]).is_empty(), "it was so last night");
    assert!(said(&[window(120 - DAY_MIN..240 - DAY_MIN, other)]).is_empty(), "of another namespace");
    assert_eq!(said(&[window(120 - DAY_MIN..240 - DAY_MIN, shop())]).len(), 1);
}

#[test]
fn minutes_under_maintenance_widen_no_band_and_are_still_drawn() {
    let wobble = |k: usize, m: i64| 1.0 + 0.004 * ((m * 5 + k as i64) % 7) as f64;
    let value = |k: usize, m: i64| wobble(k, m) * if (120..180).contains(&m) || m >= 300 { 6.0e8 } else { 4.0e8 };
    let said = |windows: &[Maintenance]| {
        let mut bank = learnt_memory(3);
        let context = Context { changes: &[], maintenance: windows };
        let said = play(&mut bank, 0..320, &context, three("container_memory", value));
        (minutes_of(&said, "series.outside_band"), bank)
    };
    // said at once on the first rise, it is the second that counts here
    assert!(said(&[]).0.iter().all(|m| *m < 240));
    let (minutes, bank) = said(&[window(120..180, shop())]);
    assert!(minutes.len() == 1 && (300..315).contains(&minutes[0]), "{minutes:?}");
    let workload = EntityRef::new(Kind::Deployment, "shop", "cart");
    let id = bank.series_of(&workload).into_iter().find(|i| i.series == "container_memory").expect("a window");
    let chart = bank.chart(&id, at(150), at(152)).expect("a chart");
    assert!(chart.points.len() == 3 && chart.points.iter().all(|p| p.1 > 5.9e8), "{:?}", chart.points);
}

#[test]
fn steady_series_stay_watched_for_their_silence_after_long_maintenance() {
    let windows = [window(-600..-300, Covers::Entity(EntityRef::node("n3")))];
    let context = Context { changes: &[], maintenance: &windows };
    let mut bank = Bank::new(Options::default());
    let history: Vec<SeriesBatch> = (-2 * DAY_MIN..0).step_by(10).flat_map(|m| nodes(m, &[])).collect();
    bank.backfill(&history, &ByName, &context);
    let stops = |m: i64| nodes(m, if m >= 30 { &["n3"] } else { &[] });
    assert_eq!(codes(&play(&mut bank, 0..60, &context, stops)), ["series.absent"]);
}

#[test]
fn lines_first_written_under_maintenance_are_news_if_they_go_on_after_it() {
    let workload = EntityRef::new(Kind::Deployment, "shop", "cart");
    let count = |template| rootline_series::LogCount {
        template,
        text: format!("template {template}"),
        workload: workload.clone(),
        level: rootline_model::LogLevel::Error,
        count: 5,
    };
    let said = |windows: &[Maintenance]| {
        let mut bank = Bank::new(Options::default());
        let context = Context { changes: &[], maintenance: windows };
        let mut minutes = Vec::new();
        for minute in [0, DAY_MIN + 30, DAY_MIN + 90] {
            bank.ingest_logs(at(minute), &[count(if minute == 0 { 1 } else { 2 })], &context);
            let new = bank.tick(at(minute), &context);
            minutes.extend(new.iter().filter(|f| f.code.as_str() == "log.new_error_template").map(|_| minute));
            bank.tick(at(minute + 20), &context);
        }
        minutes
    };
    assert_eq!(said(&[]), [DAY_MIN + 30]);
    assert_eq!(said(&[window(DAY_MIN..DAY_MIN + 60, shop())]), [DAY_MIN + 90]);
}

fn used(bytes: f64) -> impl Fn(i64) -> Vec<SeriesBatch> {
    three("container_memory", move |k, m| {
        let wobble = 1.0 + 0.004 * ((m * 5 + k as i64) % 7) as f64;
        wobble * if m >= 120 { bytes } else { 4.0e8 }
    })
}

fn learnt_memory(days: i64) -> Bank {
    learnt(days, &PODS.map(|pod| ("container_memory", container(pod).to_vec(), 4.0e8)))
}

#[test]
fn a_level_shift_is_said_with_its_onset_but_not_after_a_rollout_not_in_the_first_day_and_not_below_the_floor() {
    let rollout = [change(120, ChangeKind::Rollout)];
    let quiet = Context::default();
    let rolled = Context { changes: &rollout, maintenance: &[] };
    let said = play(&mut learnt_memory(3), 0..200, &quiet, used(6.0e8));
    let shift = said.iter().find(|(_, f)| f.code.as_str() == "series.level_shift").expect("a shift");
    assert!(shift.0 <= 136, "said at minute {}", shift.0);
    let onset = shift.1.onset.expect("an onset").as_second() - at(120).as_second();
    assert!(onset.abs() <= 120, "{onset} s off");
    assert_eq!(play(&mut learnt_memory(3), 0..200, &rolled, used(6.0e8)), []);
    assert_eq!(play(&mut Bank::new(Options::default()), 0..400, &quiet, used(6.0e8)), [], "no bit in the first day");
    // a constant series has no spread; ten MiB are still nothing
    let constant = three("container_memory", |_, m| if m >= 120 { 4.1e8 } else { 4.0e8 });
    assert_eq!(play(&mut learnt_memory(3), 0..300, &quiet, constant), []);
}

#[test]
fn errors_are_not_excused_by_a_rollout() {
    let rollout = [change(115, ChangeKind::Rollout)];
    let context = Context { changes: &rollout, maintenance: &[] };
    let labels = |pod: &'static str| vec![("namespace", "shop"), ("pod", pod)];
    let mut bank = learnt(2, &PODS.map(|pod| ("http_latency_p99", labels(pod), 0.1)));
    let said = play(&mut bank, 0..160, &context, |m| {
        let value = if m >= 121 { 0.9 } else { 0.1 + 0.001 * (m % 5) as f64 };
        PODS.iter().map(|pod| series("http_latency_p99", &labels(pod), vec![(m, value)])).collect()
    });
    assert!(codes(&said).contains(&"series.outside_band"), "{said:?}");
}

#[test]
fn one_replica_off_is_said_of_three_but_never_of_two_and_never_of_a_leader() {
    let odd = |k: usize, m: i64| if k == 1 && m >= 90 { 2.0 } else { 0.4 + 0.01 * ((m + k as i64) % 4) as f64 };
    let said = play(&mut Bank::new(Options::default()), 0..130, &Context::default(), three("container_cpu", odd));
    assert_eq!(codes(&said), ["series.peer_disagrees"]);
    assert!(said[0].1.entity.to_string().contains("2bqzm") && said[0].0 <= 100, "{said:?}");
    let two = |m: i64| three("container_cpu", odd)(m).into_iter().take(2).collect();
    assert_eq!(play(&mut Bank::new(Options::default()), 0..130, &Context::default(), two), []);
    let leader = three("container_cpu", |k, _| if k == 0 { 2.0 } else { 0.4 });
    assert_eq!(play(&mut Bank::new(Options::default()), 0..300, &Context::default(), leader), []);
}

fn nodes(m: i64, silent: &[&str]) -> Vec<SeriesBatch> {
    let names: Vec<String> = (0..12).map(|i| format!("n{i}")).collect();
    let mut all = Vec::new();
    for name in names.iter().filter(|n| !silent.contains(&n.as_str())) {
        for id in ["node_cpu_share", "node_memory_share"] {
            all.push(series(id, &[("node", name)], vec![(m, 0.4 + 0.001 * (m % 7) as f64)]));
        }
    }
    all
}

fn learnt_nodes() -> Bank {
    let mut bank = Bank::new(Options::default());
    let history: Vec<SeriesBatch> = (-2 * DAY_MIN..0).step_by(10).flat_map(|m| nodes(m, &[])).collect();
    bank.backfill(&history, &ByName, &Context::default());
    bank
}

#[test]
fn a_silent_node_is_absent_unless_it_is_gone_and_a_silent_source_is_one_finding() {
    let stops = |m: i64| nodes(m, if m >= 30 { &["n3"] } else { &[] });
    let said = play(&mut learnt_nodes(), 0..60, &Context::default(), stops);
    assert!(codes(&said).iter().all(|c| *c == "series.absent") && said.len() == 1, "{said:?}");
    assert_eq!(said[0].1.entity, EntityRef::node("n3"));
    let gone = [Change { at: at(29), entity: EntityRef::node("n3"), kind: ChangeKind::Gone }];
    let context = Context { changes: &gone, maintenance: &[] };
    assert_eq!(play(&mut learnt_nodes(), 0..60, &context, stops), []);
    let all = play(&mut learnt_nodes(), 0..60, &Context::default(), |m| if m < 30 { nodes(m, &[]) } else { vec![] });
    assert_eq!(codes(&all), ["series.source_silent"]);
    let gap = |m: i64| if (30..33).contains(&m) { vec![] } else { nodes(m, &[]) };
    assert_eq!(play(&mut learnt_nodes(), 0..60, &Context::default(), gap), [], "three minutes are nothing");
}

#[test]
fn several_series_of_one_thing_that_leave_their_past_together_are_a_word_and_one_alone_is_none() {
    const IDS: [&str; 5] =
        ["node_cpu_share", "node_memory_share", "node_cpu_pressure", "node_files_share", "node_conntrack_share"];
    let jump = 2 * DAY_MIN + 60;
    let said = |jumping: usize| {
        let said = play(&mut Bank::new(Options::default()), 0..jump + 30, &Context::default(), |m| {
            let noise = |k: usize| 0.002 * ((m * 7 + 3 * k as i64) % 13) as f64;
            let value = |k: usize| noise(k) + if k < jumping && m >= jump { 0.7 } else { 0.2 };
            IDS.iter().enumerate().map(|(k, id)| series(id, &[("node", "n1")], vec![(m, value(k))])).collect()
        });
        said.into_iter().find(|(_, f)| f.code.as_str() == "series.unusual").map(|(minute, _)| minute - jump)
    };
    assert!(said(5).is_some_and(|delay| (0..5).contains(&delay)), "five at once: {:?}", said(5));
    assert_eq!(said(1), None, "one alone");
}

#[test]
fn a_clock_that_jumped_a_day_ahead_and_back_stops_nothing() {
    let mut bank = Bank::new(Options::default());
    let high = || three("container_memory_share", |_, _| 0.95);
    play(&mut bank, 0..5, &Context::default(), three("container_memory_share", |_, _| 0.5));
    bank.ingest(&high()(DAY_MIN), &ByName);
    bank.tick(at(DAY_MIN), &Context::default());
    bank.tick(at(5), &Context::default());
    let said = play(&mut bank, 6..12, &Context::default(), high());
    assert_eq!(codes(&said), ["series.memory_near_limit"; 3]);
}

#[test]
fn a_restored_bank_needs_no_day_to_warm_up_and_broken_bytes_are_refused() {
    let mut bytes = Vec::new();
    learnt_memory(3).snapshot(&mut |piece| bytes.extend_from_slice(piece));
    let mut bank = Bank::restore(Options::default(), &bytes).expect("own bytes");
    let said = play(&mut bank, 0..200, &Context::default(), used(6.0e8));
    assert!(codes(&said).contains(&"series.level_shift"), "{said:?}");
    let mut again = Vec::new();
    let once = Bank::restore(Options::default(), &bytes).expect("own bytes");
    once.snapshot(&mut |piece| again.extend_from_slice(piece));
    assert!(bytes == again, "the same state gives the same bytes");
    for cut in (0..bytes.len()).step_by(97) {
        assert!(Bank::restore(Options::default(), &bytes[..cut]).is_err(), "cut at {cut}");
    }
    for place in (0..bytes.len()).step_by(131) {
        let mut broken = bytes.clone();
        broken[place] ^= 0xff;
        // either refused or a bank that works
        if let Ok(mut bank) = Bank::restore(Options::default(), &broken) {
            play(&mut bank, 0..2, &Context::default(), used(6.0e8));
        }
    }
    bytes[4] = 77;
    let error = Bank::restore(Options::default(), &bytes).expect_err("another version");
    assert!(error.to_string().contains("version 77"), "{error}");
}

#[test]
fn queries_ask_for_history_once_then_for_what_is_missing_and_not_for_what_is_pushed() {
    let mut bank = Bank::new(Options::default());
    let first = bank.wanted_queries(at(0));
    let of = |all: &[rootline_series::Query], id: &str| all.iter().filter(|q| q.id == id).cloned().collect::<Vec<_>>();
    let memory = of(&first, "container_memory_share");
    assert_eq!(memory.len(), 2);
    assert!(
        memory[0].is_backfill && memory[0].step_s == 600 && memory[0].promql.contains("container_memory_working_set")
    );
    assert_eq!(memory[0].name, "rootline:container_memory_share");
    bank.ingest(&three("container_memory_share", |_, _| 0.5)(0), &ByName);
    assert!(of(&bank.wanted_queries(at(0)), "container_memory_share").is_empty(), "nothing new within 15 s");
    let next = of(&bank.wanted_queries(at(1)), "container_memory_share");
    assert_eq!((next.len(), next[0].step_s), (1, 15));
    assert_eq!(next[0].start.as_second(), START_S + 15);
    let late = of(&bank.wanted_queries(at(60)), "container_memory_share");
    assert_eq!(late[0].end.as_second() - late[0].start.as_second(), 285, "five minutes back at most");
    push(&mut bank, 61, 0.5);
    bank.tick(at(61), &Context::default());
    assert!(of(&bank.wanted_queries(at(62)), "container_memory_share").is_empty());
}

/// Remote write of a container's memory and its limit.
fn push(bank: &mut Bank, minute: i64, share: f64) {
    let raw = |name: &str, more: &[(&str, &str)], value: f64| SeriesBatch {
        labels: container(PODS[0]).into_iter().chain([("__name__", name)]).chain(more.iter().copied()).collect(),
        points: vec![(at(minute).as_millisecond(), value)],
    };
    let used = raw("container_memory_working_set_bytes", &[("id", "/kubepods/x")], share * 1e9);
    let limit = raw("kube_pod_container_resource_limits", &[("resource", "memory"), ("unit", "byte")], 1e9);
    let other = raw("my_own_metric", &[], 1.0);
    let done = bank.ingest(&[used, limit, other], &ByName);
    assert_eq!((done.taken, done.unknown), (2, 1));
}

#[test]
fn a_prometheus_that_only_pushes_gives_the_same_finding() {
    let mut bank = Bank::new(Options::default());
    let mut said = Vec::new();
    for minute in 0..10 {
        push(&mut bank, minute, 0.95);
        said = bank.tick(at(minute), &Context::default());
    }
    let codes: Vec<&str> = said.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["series.memory_near_limit"]);
    assert_eq!(said[0].entity, EntityRef::container("shop", PODS[0], "app"));
}

#[test]
fn charts_and_forecasts_show_what_was_learnt() {
    let mut bank = learnt(3, &PODS.map(|pod| ("container_memory_share", container(pod).to_vec(), 0.6)));
    play(&mut bank, 0..30, &Context::default(), three("container_memory_share", |_, _| 0.6));
    let entity = EntityRef::new(Kind::Deployment, "shop", "cart");
    let ids = bank.series_of(&entity);
    assert_eq!(ids, [SeriesId { series: "container_memory_share", subject: Subject { entity, part: "app".into() } }]);
    let chart = bank.chart(&ids[0], at(-600), at(30)).expect("a chart");
    assert!(
        chart.points.len() > 60 && chart.limit == Some(0.9) && chart.query.contains("pod=~\"cart-.*\""),
        "{chart:?}"
    );
    assert!(chart.points.is_sorted_by(|a, b| a.0 < b.0));
    let rows = bank.forecasts(at(30), 10);
    assert_eq!(rows.len(), 1);
    assert!(rows[0].band.len() == 144 && (rows[0].band[100].1 - 0.6).abs() < 0.05, "{:?}", rows[0].band[100]);
}

#[test]
fn beyond_the_bound_new_series_are_refused_and_counted() {
    let mut bank = Bank::new(Options { series_max: 2, ..Options::default() });
    let many: Vec<SeriesBatch> =
        ["a", "b", "c", "d"].map(|n| series("node_cpu_share", &[("node", n)], vec![(0, 0.5)])).into();
    let done = bank.ingest(&many, &ByName);
    assert_eq!((done.taken, done.refused, bank.stats().baselines, bank.stats().refused), (2, 2, 2, 2));
    let useless = bank.ingest(&[series("node_cpu_share", &[("pod", "x")], vec![(0, 0.5)])], &ByName);
    assert_eq!(useless.useless, 1);
}

#[test]
fn evidence_opens_an_incident_only_in_company_of_its_betters() {
    let finding = |code: &'static str, id: &str, minute: i64| {
        assert!(by_id(id).is_some(), "{id}");
        Finding::new(code, EntityRef::new(Kind::Deployment, "shop", "cart")).since(Some(at(minute))).arg("series", id)
    };
    let usage = finding("series.level_shift", "container_memory", 0);
    let usage_too = finding("series.slow_climb", "container_cpu", 1);
    let outcome = finding("series.outside_band", "http_latency_p99", 3);
    let load = finding("series.outside_band", "http_requests", 5);
    let log = finding("log.new_error_template", "http_requests", 6);
    let late = finding("log.error_rate", "http_requests", 40);
    let ahead = finding("series.forecast_breach", "container_memory_share", 2);
    let fact = finding("series.oom", "container_oom", 0);
    assert!(!corroborated(&[usage.clone(), usage_too.clone(), outcome.clone()]), "two groups");
    assert!(corroborated(&[usage.clone(), outcome.clone(), log]));
    assert!(!corroborated(&[usage.clone(), outcome, late]), "too far apart");
    assert!(!corroborated(&[usage, load, ahead, usage_too]), "nobody suffers");
    assert!(corroborated(&[fact]));
    assert!(!corroborated(&[]));
}

fn set(series: &str, code: &str, (at, clear, hold_s): (f64, f64, u32)) -> LimitSetting {
    let namespace = String::new();
    LimitSetting { series: series.to_owned(), code: code.to_owned(), namespace, at, clear, hold_s, enabled: true }
}

#[test]
fn a_series_without_a_threshold_gets_the_users_with_its_hysteresis_and_only_in_its_namespace() {
    let mut mine = set("container_threads", "series.threshold", (200.0, 150.0, 120));
    let shape = |_: usize, m: i64| match m {
        0..10 => 100.0,
        10..20 => 250.0,
        20..30 => 170.0,
        _ => 140.0,
    };
    let mut bank = Bank::new(Options { limits: vec![mine.clone()], ..Options::default() });
    let said = play(&mut bank, 0..25, &Context::default(), three("container_threads", shape));
    assert_eq!(codes(&said), ["series.threshold"; 3]);
    assert_eq!((said[0].0, said[0].1.onset), (12, Some(at(10))), "after its two minutes, since its beginning");
    let (title, _) = words(&said[0].1).expect("a code of this crate");
    assert!(title.en.contains("250, your threshold 200"), "{}", title.en);
    assert_eq!(bank.tick(at(25), &Context::default()).len(), 3, "between both values it stays");
    play(&mut bank, 30..32, &Context::default(), three("container_threads", shape));
    assert!(bank.tick(at(32), &Context::default()).is_empty(), "below the clearing value it ends");
    mine.namespace = "another".to_owned();
    let mut bank = Bank::new(Options { limits: vec![mine], ..Options::default() });
    assert!(play(&mut bank, 0..25, &Context::default(), three("container_threads", shape)).is_empty());
}

#[test]
fn intervals_are_the_users() {
    let mut bank = Bank::new(Options { core_s: 30, rest_s: 60, ..Options::default() });
    let asked = |bank: &mut Bank, s: i64| {
        let now = Timestamp::from_second(START_S + s).expect("a moment of this century");
        let all = bank.wanted_queries(now);
        all.into_iter().find(|q| q.id == "container_memory_share" && !q.is_backfill).map(|q| q.step_s)
    };
    assert_eq!(asked(&mut bank, 0), Some(30));
    bank.ingest(&[series("container_memory_share", &container(PODS[0]), vec![(0, 0.5)])], &ByName);
    assert_eq!((asked(&mut bank, 15), asked(&mut bank, 30)), (None, Some(30)));
    let families = bank.families();
    assert_eq!(families.get("container_memory_working_set_bytes"), Some(&true));
    assert_eq!(families.get("kube_resourcequota"), Some(&false));
    assert_eq!(families.get("go_goroutines"), None);
}

/// What a stop and a start leave of a bank.
fn restarted(bank: &Bank) -> Bank {
    let mut bytes = Vec::new();
    bank.snapshot(&mut |piece| bytes.extend_from_slice(piece));
    let mut again = Bank::restore(Options::default(), &bytes).expect("own bytes");
    again.restore_holds(&bank.snapshot_holds()).expect("own bytes");
    again
}

fn told(findings: &[Finding]) -> Vec<(String, String, Option<Timestamp>)> {
    findings
        .iter()
        .map(|f| (f.code.to_string(), f.args.get("subject").unwrap_or_default().to_owned(), f.onset))
        .collect()
}

#[test]
fn a_restart_neither_announces_again_nor_forgets_what_holds() {
    let context = Context::default();
    let high = three("container_memory_share", |_, m| if m < 40 { 0.93 } else { 0.8 });
    let mut bank = Bank::new(Options::default());
    play(&mut bank, 0..10, &context, &high);
    let before = told(&bank.tick(at(10), &context));
    assert_eq!((before.len(), before[0].2), (3, Some(at(0))));
    // down for twenty minutes, four times as long as a value counts
    let mut again = restarted(&bank);
    assert_eq!(told(&again.tick(at(30), &context)), before, "before any value came");
    again.ingest(&high(31), &ByName);
    let after = again.tick(at(31), &context);
    assert_eq!(told(&after), before, "the pods' values find their conditions");
    assert!(after.iter().all(|f| !f.evidence.is_empty()), "with evidence from now");
    play(&mut again, 40..42, &context, &high);
    assert!(again.tick(at(42), &context).is_empty(), "it ends below the clearing value, as without a restart");
    let mut alone = restarted(&bank);
    assert_eq!(alone.tick(at(30), &context).len(), 3);
    assert!(alone.tick(at(36), &context).is_empty(), "pods that do not come back are let go");
    let mut late = restarted(&bank);
    assert!(late.tick(at(10 + 120), &context).is_empty(), "two hours later it says nothing about now");
}

#[test]
fn a_condition_that_is_not_old_enough_does_not_grow_old_while_nobody_looks() {
    let context = Context::default();
    let bad = three("container_cpu_throttled", |_, _| 0.5);
    let mut bank = Bank::new(Options::default());
    assert!(play(&mut bank, 0..6, &context, &bad).is_empty(), "a quarter of an hour is asked for");
    let mut again = restarted(&bank);
    assert!(play(&mut again, 26..34, &context, &bad).is_empty(), "5 and 8 minutes are 13");
    assert_eq!(codes(&play(&mut again, 34..38, &context, &bad)), ["series.cpu_throttled"; 3]);
}

#[test]
fn error_budgets_and_known_log_lines_outlive_a_restart() {
    let context = Context::default();
    let shop = [("namespace", "shop"), ("pod", PODS[0])];
    let failing =
        |m: i64| vec![series("http_requests", &shop, vec![(m, 10.0)]), series("http_errors", &shop, vec![(m, 2.0)])];
    let mut bank = Bank::new(Options::default());
    play(&mut bank, 0..70, &context, failing);
    let burning = |findings: Vec<Finding>| findings.iter().filter(|f| f.code.as_str() == "slo.burn_fast").count();
    assert_eq!(burning(bank.tick(at(70), &context)), 1);
    let mut again = restarted(&bank);
    again.ingest(&failing(71), &ByName);
    assert_eq!(burning(again.tick(at(72), &context)), 1, "no half an hour of collecting anew");

    let workload = EntityRef::new(Kind::Deployment, "shop", "cart");
    let count = |template| rootline_series::LogCount {
        template,
        text: format!("template {template}"),
        workload: workload.clone(),
        level: rootline_model::LogLevel::Error,
        count: 5,
    };
    bank.ingest_logs(at(70), &[count(1)], &Context::default());
    let mut again = restarted(&bank);
    let later = 70 + DAY_MIN + 10;
    again.ingest_logs(at(later), &[count(1)], &Context::default());
    assert!(told(&again.tick(at(later), &context)).iter().all(|f| f.0 != "log.new_error_template"), "known");
    again.ingest_logs(at(later + 1), &[count(2)], &Context::default());
    let new = told(&again.tick(at(later + 1), &context));
    assert!(new.iter().any(|f| f.0 == "log.new_error_template"), "its log is known for a day: {new:?}");
}

#[test]
fn snapshots_of_the_version_before_still_load_and_broken_conditions_are_refused() {
    let mut bytes = Vec::new();
    learnt_memory(3).snapshot(&mut |piece| bytes.extend_from_slice(piece));
    // version 1 ended after the baselines: no budgets, no logs
    bytes[4] = 1;
    bytes.truncate(bytes.len() - 8);
    let bank = Bank::restore(Options::default(), &bytes).expect("the version before");
    assert!(bank.stats().baselines > 0);

    let mut bank = Bank::new(Options::default());
    play(&mut bank, 0..10, &Context::default(), three("container_memory_share", |_, _| 0.95));
    let holds = bank.snapshot_holds();
    for cut in 0..holds.len() {
        assert!(Bank::new(Options::default()).restore_holds(&holds[..cut]).is_err(), "cut at {cut}");
    }
    for place in 0..holds.len() {
        let mut broken = holds.clone();
        broken[place] ^= 0xff;
        // either refused or conditions that do no harm
        let mut bank = Bank::new(Options::default());
        let _ = bank.restore_holds(&broken);
        bank.tick(at(11), &Context::default());
    }
}
