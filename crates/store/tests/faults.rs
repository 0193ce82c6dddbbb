//! Full disks, damaged, foreign and newer files: an error that says what to do, and nothing acknowledged is lost.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rootline_model::{Alert, SeriesBatch};
use rootline_store::*;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("rootline-faults-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Folder(path)
    }

    fn open(&self) -> Result<Store> {
        Store::open(&self.0, &Options::default())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn alert(n: usize) -> Alert {
    let n = n.to_string();
    Alert {
        labels: [("alertname", "Full"), ("n", n.as_str())].into_iter().collect(),
        annotations: [("description", "x".repeat(2000).as_str())].into_iter().collect(),
        ..Alert::default()
    }
}

fn points(hour: i64) -> Vec<SeriesBatch> {
    let series = |n: i64| SeriesBatch {
        labels: [("__name__", "noise"), ("n", n.to_string().as_str())].into_iter().collect(),
        points: (0..60).map(|i| (at(hour * 3600 + i * 60).as_millisecond(), ((i * 7919 + n) as f64).sin())).collect(),
    };
    (0..50).map(series).collect()
}

/// Puts alerts until the disk is full. How many were acknowledged.
fn fill(store: &Store) -> usize {
    for n in 0..100_000 {
        match store.put_alerts(&[alert(n)], at(0)) {
            Ok(()) => {}
            Err(StoreError::Full { file }) => {
                assert_eq!(file, "state.db");
                return n;
            }
            Err(e) => panic!("full is told as {e}"),
        }
    }
    panic!("never full");
}

fn full(folder: &Path, options: &Options, free: impl FnOnce(&Store)) {
    let store = Store::open(folder, options).unwrap();
    let kept = fill(&store);
    assert!(kept > 10, "{kept}");
    // reading goes on, and writing once there is room
    assert_eq!(store.alerts().unwrap().len(), kept);
    free(&store);
    store.put_alerts(&[alert(kept)], at(1)).unwrap();
    drop(store);
    let store = Store::open(folder, options).unwrap();
    assert!(store.alert(alert(kept).fingerprint()).unwrap().is_some());
    assert!(store.verify().unwrap().is_sound());
}

#[test]
fn a_full_file_is_told_and_retention_makes_room() {
    let folder = Folder::new("full");
    let options = Options { file_bytes_max: Some(1 << 20), ..Options::default() };
    full(&folder.0, &options, |store| {
        let ended: Vec<Alert> = (0..100).map(|n| Alert { ends_at: Some(at(0)), ..alert(n) }).collect();
        // an update may need a page more than there is: some of them do not
        let _ = ended.iter().map(|a| store.put_alerts(std::slice::from_ref(a), at(0))).collect::<Vec<_>>();
        assert!(store.retention(&Keep::default(), at(7200)).unwrap().alerts > 0);
    });
}

/// `testbed/store-full.sh` gives a folder on a small disk of its own, and a read-only one.
#[test]
#[ignore = "needs a small disk: testbed/store-full.sh"]
fn a_full_disk_is_told_and_room_is_used_again() {
    let Some(disk) = std::env::var_os("ROOTLINE_SMALL_DISK") else { panic!("ROOTLINE_SMALL_DISK is not set") };
    let disk = PathBuf::from(disk);
    let ballast = disk.join("ballast");
    File::create(&ballast).and_then(|mut f| f.write_all(&[1; 2 << 20])).unwrap();
    full(&disk.join("store"), &Options::default(), |_| std::fs::remove_file(&ballast).unwrap());
    let Some(read_only) = std::env::var_os("ROOTLINE_READ_ONLY_DISK") else {
        panic!("ROOTLINE_READ_ONLY_DISK is not set")
    };
    let error = Store::open(Path::new(&read_only), &Options::default()).err().unwrap();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
}

#[test]
fn points_wait_in_memory_while_the_disk_is_full() {
    let folder = Folder::new("head");
    let options = Options { file_bytes_max: Some(400 << 10), ..Options::default() };
    let store = Store::open(&folder.0, &options).unwrap();
    let mut told = 0;
    for hour in 0..40 {
        store.append(&points(hour), at((hour + 1) * 3600)).unwrap();
        match store.flush(at((hour + 1) * 3600 + 400)) {
            Ok(()) => assert_eq!(told, 0, "room came from nowhere"),
            Err(e) => {
                assert!(matches!(e, StoreError::Full { .. }) && e.is_passing(), "{e}");
                told += 1;
            }
        }
    }
    assert!(told > 0);
    let all = SeriesQuery { from: 0, to: i64::MAX, ..SeriesQuery::default() };
    let count = |store: &Store| store.range(&all).unwrap().iter().map(|s| s.points.len()).sum::<usize>();
    assert_eq!(count(&store), 40 * 50 * 60, "nothing is lost in memory");
    drop(store);
    let room = Store::open(&folder.0, &Options::default()).unwrap();
    assert!(room.verify().unwrap().is_sound());
    let kept = count(&room);
    assert!(kept > 0 && kept < 40 * 50 * 60, "{kept}");
}

#[test]
fn points_that_waited_are_written_when_there_is_room() {
    let folder = Folder::new("room");
    let store = Store::open(&folder.0, &Options { file_bytes_max: Some(400 << 10), ..Options::default() }).unwrap();
    for hour in 0..40 {
        store.append(&points(hour), at((hour + 1) * 3600)).unwrap();
        let _ = store.flush(at((hour + 1) * 3600 + 400));
    }
    // raw points of the first hours go: their pages are free for those that wait
    let keep = Keep {
        raw: jiff::SignedDuration::from_hours(30),
        minutes: jiff::SignedDuration::from_hours(1),
        ..Keep::default()
    };
    let removed = store.retention(&keep, at(40 * 3600)).unwrap();
    assert!(removed.chunks > 0);
    let mut tail = SeriesQuery { from: at(39 * 3600).as_millisecond(), to: i64::MAX, ..SeriesQuery::default() };
    let before = store.range(&tail).unwrap();
    assert_eq!(before.len(), 50);
    drop(store);
    // as if only now there were room: what a last flush wrote is there
    let store = folder.open().unwrap();
    tail.to = at(41 * 3600).as_millisecond();
    assert!(store.verify().unwrap().is_sound());
    store.append(&points(41), at(42 * 3600)).unwrap();
    store.flush(at(42 * 3600 + 400)).unwrap();
    drop(store);
    let last = SeriesQuery { from: at(41 * 3600).as_millisecond(), to: i64::MAX, ..SeriesQuery::default() };
    assert_eq!(folder.open().unwrap().range(&last).unwrap().len(), 50);
}

fn scribble(path: &Path, from: u64, length: usize) {
    let mut file = File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(from)).unwrap();
    file.write_all(&vec![0xa5; length]).unwrap();
}

#[test]
fn a_damaged_state_is_refused_with_what_to_do() {
    let folder = Folder::new("damaged");
    {
        let store = folder.open().unwrap();
        store.put_alerts(&(0..200).map(alert).collect::<Vec<_>>(), at(0)).unwrap();
    }
    let whole = std::fs::metadata(folder.file("state.db")).unwrap().len();
    scribble(&folder.file("state.db"), whole / 2, 20_000);
    let error = folder.open().err().unwrap();
    assert!(matches!(&error, StoreError::Damaged { file, .. } if file == "state.db"), "{error}");
    assert!(error.to_string().contains("put the last backup in its place"), "{error}");
    // the header gone: not even SQLite's
    scribble(&folder.file("state.db"), 0, 4096);
    assert!(matches!(folder.open().err().unwrap(), StoreError::Damaged { .. }));
}

#[test]
fn a_damaged_history_is_set_aside_and_incidents_stay() {
    let folder = Folder::new("aside");
    {
        let store = folder.open().unwrap();
        store.put_alerts(&[alert(1)], at(0)).unwrap();
        store.append(&points(0), at(3600)).unwrap();
        store.flush(at(7200)).unwrap();
    }
    scribble(&folder.file("history.db"), 0, 8192);
    assert!(matches!(folder.open().err().unwrap(), StoreError::Damaged { file, .. } if file == "history.db"));
    let aside = set_history_aside(&folder.0, at(0)).unwrap();
    assert!(aside.exists());
    let store = folder.open().unwrap();
    assert_eq!(store.alerts().unwrap().len(), 1);
    assert!(store.series(&[]).is_empty());
}

#[test]
fn verify_names_a_chunk_that_was_changed_and_queries_leave_it_out() {
    let folder = Folder::new("chunk");
    {
        let store = folder.open().unwrap();
        store.append(&points(0), at(3600)).unwrap();
        store.append(&points(1), at(7200)).unwrap();
        store.flush(at(3 * 3600)).unwrap();
    }
    let db = rusqlite::Connection::open(folder.file("history.db")).unwrap();
    db.execute("UPDATE chunk SET bytes = zeroblob(40) WHERE level = 0 AND series = 7 AND slot = (SELECT min(slot) FROM chunk WHERE level = 0)", []).unwrap();
    drop(db);
    let store = folder.open().unwrap();
    let report = store.verify().unwrap();
    assert_eq!(report.problems.len(), 1, "{report:?}");
    assert!(report.problems[0].ends_with("series 7: wrong checksum"), "{report:?}");
    let read = store.range(&SeriesQuery { from: 0, to: i64::MAX, ..SeriesQuery::default() }).unwrap();
    assert_eq!(
        read.iter().map(|s| s.points.len()).sum::<usize>(),
        2 * 50 * 60 - points(0)[6].points.iter().filter(|p| p.0 < first_hour_end()).count()
    );
}

/// End of the first full hour of the clock after `at(0)`.
fn first_hour_end() -> i64 {
    (at(0).as_millisecond() / 3_600_000 + 1) * 3_600_000
}

#[test]
fn newer_and_foreign_files_are_left_alone() {
    let folder = Folder::new("newer");
    drop(folder.open().unwrap());
    let db = rusqlite::Connection::open(folder.file("state.db")).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let error = folder.open().err().unwrap();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
    assert!(error.to_string().contains("Use the newer program"), "{error}");
    std::fs::remove_file(folder.file("state.db")).unwrap();
    let db = rusqlite::Connection::open(folder.file("state.db")).unwrap();
    db.execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (1);").unwrap();
    assert!(matches!(folder.open().err().unwrap(), StoreError::Foreign { .. }));
    assert_eq!(db.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get::<_, i64>(0)).unwrap(), 1);
}

#[test]
fn a_file_where_the_folder_should_be_is_an_error() {
    let folder = Folder::new("file");
    File::create(&folder.0).unwrap();
    assert!(folder.open().is_err());
    std::fs::remove_file(&folder.0).unwrap();
}

#[test]
fn a_backup_is_a_store_and_is_taken_while_others_write() {
    let (folder, copy) = (Folder::new("backup"), Folder::new("copy"));
    let store = folder.open().unwrap();
    store.put_alerts(&(0..50).map(alert).collect::<Vec<_>>(), at(0)).unwrap();
    store.append(&points(0), at(3600)).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| (50..150).for_each(|n| store.put_alerts(&[alert(n)], at(1)).unwrap()));
        for _ in 0..3 {
            store.backup(&copy.0).unwrap();
        }
        writer.join().unwrap();
    });
    let backup = copy.open().unwrap();
    let kept = backup.alerts().unwrap().len();
    assert!((50..=150).contains(&kept), "{kept}");
    let all = SeriesQuery { from: 0, to: i64::MAX, ..SeriesQuery::default() };
    assert_eq!(backup.range(&all).unwrap(), store.range(&all).unwrap(), "with what no flush had written");
    assert!(backup.verify().unwrap().is_sound());
    let mut start = [0; 15];
    File::open(copy.file("history.db")).unwrap().read_exact(&mut start).unwrap();
    assert_eq!(&start, b"SQLite format 3");
}

#[test]
fn a_changed_audit_log_is_noticed() {
    let folder = Folder::new("audit");
    let deed = |n: i64| Deed {
        at: at(n * 86_400),
        actor: "ann".into(),
        action: "incident.ack".into(),
        object: format!("incident/{n}"),
        detail: serde_json::json!({ "n": n }),
    };
    {
        let store = folder.open().unwrap();
        store.record(&(0..500).map(deed).collect::<Vec<_>>()).unwrap();
        store.record(&[deed(500)]).unwrap();
        store.retention(&Keep::default(), at(500 * 86_400)).unwrap();
        assert_eq!(store.audit(1000).unwrap().len(), 401);
        assert_eq!(store.audit(1).unwrap(), [deed(500)]);
        store.retention(&Keep::default(), at(5000 * 86_400)).unwrap();
        store.record(&[deed(5000)]).unwrap();
        assert_eq!(store.audit(9).unwrap(), [deed(5000), deed(500)], "the last one holds the chain");
        assert!(store.verify().unwrap().is_sound());
    }
    let db = rusqlite::Connection::open(folder.file("state.db")).unwrap();
    assert!(db.execute("UPDATE audit SET actor = 'eve'", []).is_err());
    db.execute_batch(
        "DROP TRIGGER audit_is_append_only; UPDATE audit SET actor = 'eve' WHERE seq = (SELECT max(seq) FROM audit)",
    )
    .unwrap();
    drop(db);
    let report = folder.open().unwrap().verify().unwrap();
    assert!(report.problems[0].starts_with("audit: row 502"), "{report:?}");
}
