//! Jobs, followers, leases and remembered answers.

use muster_domain::ids::{JobId, OrgId};
use muster_domain::types::UnixMillis;
use muster_store::{Job, JobOutcome, JobResult, JobState, Store, StoreError, Tx};

use crate::common::{Database, NOW, Tenant, id, on_both};

on_both!(
    an_answer_is_remembered_for_a_day_and_for_its_actor,
    a_follower_advances_parks_and_never_goes_back,
    a_lease_is_one_holders_until_it_ends,
    a_job_is_leased_once_and_taken_over_when_its_holder_is_gone,
    organizations_take_turns_however_many_jobs_one_of_them_has,
    two_workers_never_lease_the_same_job,
    results_are_paged_and_filtered,
    an_uploaded_file_is_encrypted_and_expires,
);

fn later(ms: i64) -> UnixMillis {
    UnixMillis(NOW.0 + ms)
}

fn an_answer_is_remembered_for_a_day_and_for_its_actor(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let day = 24 * 3600 * 1000;
    let remember = |at: UnixMillis, response: &[u8]| {
        store.write(|tx: &mut Tx| tx.remember(tenant.org, id(5), "key-1", &[3; 32], response, at))
    };
    let recall = |actor, at| store.read(|r| r.recall(tenant.org, id(actor), "key-1", at)).unwrap();
    remember(NOW, b"answer").unwrap();
    let found = recall(5, later(day - 1)).unwrap();
    assert_eq!((found.response.as_slice(), found.request_hash, found.at), (&b"answer"[..], [3; 32], NOW));
    assert_eq!(recall(6, NOW), None, "another actor's key is another key");
    assert_eq!(recall(5, later(day)), None);
    assert!(matches!(remember(later(1), b"again"), Err(StoreError::Duplicate(_))));
    remember(later(day), b"anew").unwrap();
    assert_eq!(recall(5, later(day)).unwrap().response, b"anew");
}

fn a_follower_advances_parks_and_never_goes_back(database: &Database) {
    let store = &database.store;
    let (a, b) = (Tenant::create(store, 1), Tenant::create(store, 2));
    let behind = || -> Vec<(OrgId, u64, u64)> {
        let heads = store.read(|r| r.heads_since("mail", 10)).unwrap();
        heads.into_iter().map(|h| (h.org, h.head_seq, h.position)).collect()
    };
    assert_eq!(behind(), vec![(a.org, 3, 0), (b.org, 3, 0)]);
    let advance = |seq| store.write(|tx: &mut Tx| tx.advance("mail", a.org, seq)).unwrap();
    advance(2);
    advance(1);
    assert_eq!(store.read(|r| r.position("mail", a.org)).unwrap(), 2);
    advance(3);
    assert_eq!(behind(), vec![(b.org, 3, 0)]);
    store.write(|tx: &mut Tx| tx.park("mail", b.org, "the server refuses it")).unwrap();
    assert_eq!(behind(), vec![]);
    assert_eq!(store.read(|r| r.heads_since("webhooks", 10)).unwrap().len(), 2);
    let parked = store.read(|r| r.parked("mail")).unwrap();
    assert_eq!(parked, vec![(b.org, "the server refuses it".to_string())]);
    store.write(|tx: &mut Tx| tx.unpark("mail", b.org)).unwrap();
    assert_eq!(behind(), vec![(b.org, 3, 0)]);
}

fn a_lease_is_one_holders_until_it_ends(database: &Database) {
    let store = &database.store;
    let lease = |holder: &str, now: i64, until: i64| {
        store.write(|tx: &mut Tx| tx.lease("mail", holder, later(now), later(until))).unwrap()
    };
    assert!(lease("one", 0, 100));
    assert!(!lease("two", 50, 150));
    assert!(lease("one", 60, 200), "the holder renews it");
    assert!(!lease("two", 199, 300));
    assert!(lease("two", 200, 300));
    store.write(|tx: &mut Tx| tx.release("mail", "one")).unwrap();
    assert!(!lease("one", 250, 400), "only the holder gives it back");
    store.write(|tx: &mut Tx| tx.release("mail", "two")).unwrap();
    assert!(lease("one", 250, 400));
}

fn job(tenant: &Tenant, n: u128) -> Job {
    Job {
        org: tenant.org,
        id: JobId(id(n)),
        kind: "import".into(),
        state: JobState::Queued,
        actor: id(5),
        options: "{}".into(),
        set: None,
        created_at: NOW,
        updated_at: NOW,
        rows_total: Some(100),
        rows_done: 0,
        cursor: None,
        summary: None,
        problem: None,
        cancel_requested: false,
        lease: None,
        undone_by: None,
    }
}

fn put(store: &Store, job: &Job) {
    store.write(|tx: &mut Tx| tx.put_job(job)).unwrap();
}

fn a_job_is_leased_once_and_taken_over_when_its_holder_is_gone(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let lease = |holder: &str, now| {
        store.write(|tx: &mut Tx| tx.lease_job(holder, None, later(now), later(now + 100))).unwrap()
    };
    assert_eq!(lease("one", 0), None);
    put(store, &job(&tenant, 1));
    put(store, &job(&tenant, 2));
    let mut first = lease("one", 0).unwrap();
    assert_eq!((first.id, first.state), (JobId(id(1)), JobState::Running));
    assert_eq!(first.lease, Some(("one".into(), later(100))));
    assert_eq!(store.read(|r| r.job(tenant.org, first.id)).unwrap(), Some(first.clone()));
    assert_eq!(lease("two", 50).unwrap().id, JobId(id(2)));
    assert_eq!(lease("three", 99), None);
    assert_eq!(lease("two", 60).unwrap().id, JobId(id(2)), "whoever asks again has lost what it was at");
    assert_eq!(lease("three", 100).unwrap().id, first.id, "its holder has let it go");
    // A request to stop is not overwritten by progress that did not see it.
    assert!(store.write(|tx: &mut Tx| tx.request_cancel(tenant.org, first.id)).unwrap());
    first.rows_done = 50;
    first.cursor = Some("row 50".into());
    put(store, &first);
    let now = store.read(|r| r.job(tenant.org, first.id)).unwrap().unwrap();
    assert_eq!((now.cancel_requested, now.rows_done, now.cursor), (true, 50, Some("row 50".into())));
    first.state = JobState::Cancelled;
    first.lease = None;
    put(store, &first);
    assert!(!store.write(|tx: &mut Tx| tx.request_cancel(tenant.org, first.id)).unwrap());
    let list = store.read(|r| r.jobs(tenant.org, None, None, 10)).unwrap();
    assert_eq!(list.iter().map(|j| j.id.0.as_u128()).collect::<Vec<_>>(), vec![2, 1]);
    let older = store.read(|r| r.jobs(tenant.org, Some(JobId(id(2))), None, 10)).unwrap();
    assert_eq!(older.len(), 1);
}

fn organizations_take_turns_however_many_jobs_one_of_them_has(database: &Database) {
    let store = &database.store;
    let (busy, other, third) = (Tenant::create(store, 1), Tenant::create(store, 2), Tenant::create(store, 3));
    (1..=3).for_each(|n| put(store, &job(&busy, n)));
    put(store, &job(&other, 4));
    put(store, &job(&third, 5));
    let mut last = None;
    let mut next = || {
        let lease = |tx: &mut Tx| tx.lease_job("me", last, NOW, later(100));
        let leased = store.write(lease).unwrap()?;
        put(store, &Job { state: JobState::Done, lease: None, ..leased.clone() });
        last = Some(leased.org);
        Some(leased.id.0.as_u128())
    };
    let order: Vec<u128> = std::iter::from_fn(&mut next).collect();
    assert_eq!(order, [1, 4, 5, 2, 3]);
}

fn two_workers_never_lease_the_same_job(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    for n in 1..=60 {
        put(store, &job(&tenant, n));
    }
    let leased: Vec<Vec<JobId>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                scope.spawn(move || {
                    // A name for each lease: a holder who asks again is given its own job again.
                    let lease = |n: usize| {
                        let holder = format!("worker {worker}, job {n}");
                        store.write(|tx: &mut Tx| tx.lease_job(&holder, None, NOW, later(100))).unwrap()
                    };
                    (0..).map_while(|n| lease(n).map(|job| job.id)).collect()
                })
            })
            .collect();
        workers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    let mut all: Vec<JobId> = leased.into_iter().flatten().collect();
    all.sort();
    assert_eq!(all, (1..=60).map(|n| JobId(id(n))).collect::<Vec<_>>());
}

fn results_are_paged_and_filtered(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let job = JobId(id(1));
    let results: Vec<JobResult> = (1..=30)
        .map(|n| JobResult {
            row: n / 2 + 1,
            part: (n % 2) as u32,
            outcome: if n % 5 == 0 { JobOutcome::Refused } else { JobOutcome::Created },
            text: format!("result {n}"),
        })
        .collect();
    store.write(|tx: &mut Tx| tx.add_job_results(tenant.org, job, &results)).unwrap();
    let mut after = None;
    let mut all = Vec::new();
    loop {
        let page = store.read(|r| r.job_results(tenant.org, job, after, None, 7)).unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.row, last.part));
        all.extend(page);
    }
    assert_eq!(all, results);
    let refused =
        store.read(|r| r.job_results(tenant.org, job, None, Some(JobOutcome::Refused), 100)).unwrap();
    assert_eq!(refused.len(), 6);
}

fn an_uploaded_file_is_encrypted_and_expires(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let file: Vec<u8> = b"name,password\n".iter().copied().cycle().take(2_500_000).collect();
    let jobs = [JobId(id(1)), JobId(id(2))];
    for (job, expires) in jobs.into_iter().zip([100, 200]) {
        store.write(|tx: &mut Tx| tx.put_job_input(tenant.org, job, &file, later(expires))).unwrap();
    }
    let input = |n: usize| store.read(|r| r.job_input(tenant.org, jobs[n])).unwrap();
    assert!(input(0).is_some_and(|bytes| *bytes == file));
    // A piece in another piece's place does not decrypt.
    store.raw("UPDATE job_inputs SET piece = piece + 10 WHERE piece < 2").unwrap();
    store.raw("UPDATE job_inputs SET piece = 11 - piece WHERE piece >= 10").unwrap();
    let swapped = store.read(|r| r.job_input(tenant.org, jobs[0]));
    assert!(matches!(swapped, Err(StoreError::Undecryptable(_))), "{:?}", swapped.map(|_| ()));
    store.write(|tx: &mut Tx| tx.expire_job_inputs(later(100))).unwrap();
    assert_eq!(input(0), None);
    assert!(store.read(|r| r.job_input(tenant.org, jobs[1])).is_err());
    store.write(|tx: &mut Tx| tx.drop_job_input(tenant.org, jobs[1])).unwrap();
    assert_eq!(input(1), None);
}
