//! Jobs and cron jobs.

use crate::meta::{Condition, LabelSelector, Meta, ObjectRef};
use crate::unit::Time;
use crate::workload::Template;

lite! {
    Job { metadata: Meta, spec: JobSpec, status: JobStatus }
    JobSpec {
        backoff_limit: Option<i64>,
        completions: Option<i64>,
        parallelism: Option<i64>,
        active_deadline_seconds: Option<i64>,
        suspend: Option<bool>,
        selector: LabelSelector,
        template: Template,
    }
    JobStatus {
        active: i64,
        succeeded: i64,
        failed: i64,
        start_time: Time,
        completion_time: Time,
        conditions: Vec<Condition>,
    }
    CronJob { metadata: Meta, spec: CronJobSpec, status: CronJobStatus }
    CronJobSpec {
        schedule: String,
        time_zone: String,
        suspend: Option<bool>,
        concurrency_policy: String,
        starting_deadline_seconds: Option<i64>,
        job_template: JobTemplate,
    }
    JobTemplate { metadata: Meta, spec: JobSpec }
    CronJobStatus { active: Vec<ObjectRef>, last_schedule_time: Time, last_successful_time: Time }
}

named!(Job, CronJob);
