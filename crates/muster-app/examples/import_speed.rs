//! How long an import takes inside the program: `import_speed FILE DATABASE_FOLDER`.
//! Prints seconds for judging and writing, for the phones' snapshot, for searches, for a check and for undo,
//! and the peak memory.

use std::time::Instant;

use muster_app::followers::dial_plan::DialPlanFollower;
use muster_app::imports::{ImportOptions, NewImport};
use muster_app::organizations::NewOrganization;
use muster_app::{App, JobState, Op, Scope, Term, UserQuery};
use muster_domain::ids::JobId;
use muster_domain::permission::Permission;
use muster_domain::types::{Domain, Name, Slug};
use muster_store::{Config, KeyRing, Store};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(file), Some(folder)) = (args.next(), args.next()) else {
        return Err("import_speed FILE DATABASE_FOLDER|postgres://…".into());
    };
    let url = if folder.starts_with("postgres") { folder } else { format!("sqlite:{folder}/muster.db") };
    let keys = KeyRing::from_bytes([7; 32]);
    let app = App::new(Store::open(&Config { url, keys, readers: 0, writers: 0 })?);
    let token = app.bootstrap()?.unwrap_or_default();
    let operator = app.authenticate(&token)?;
    let new = NewOrganization {
        name: Name::parse("Speed").map_err(|e| e.reason)?,
        slug: Some(Slug::parse("speed").map_err(|e| e.reason)?),
        domain: Domain::parse("speed.example.com").map_err(|e| e.reason)?,
        domain_aliases: Vec::new(),
        country: None,
        time_zone: None,
    };
    app.create_organization(&app.authorize_operator(&operator)?, &new)?;
    let scope = app.authorize(&operator, "speed", Permission::Import)?;
    let bytes = std::fs::read(&file)?;
    println!("memory before: {}", memory());
    let begun = Instant::now();
    let options = ImportOptions { allow_shared_emails: true, ..ImportOptions::default() };
    let job = JobId(app.start_import(&scope, &NewImport { file_name: &file, bytes: &bytes, options })?.id);
    println!("{:.2} s uploaded; {}", begun.elapsed().as_secs_f64(), memory());
    let worker = {
        let app = app.clone();
        std::thread::spawn(move || app.work_on_jobs("speed"))
    };
    loop {
        let view = app.job(&scope, job)?;
        match view.job.state {
            JobState::Queued | JobState::Running => std::thread::sleep(std::time::Duration::from_millis(5)),
            state => {
                println!(
                    "{:.2} s imported: {state:?} {:?}; {}",
                    begun.elapsed().as_secs_f64(),
                    view.job.problem,
                    memory()
                );
                break;
            }
        }
    }
    let begun = Instant::now();
    let mut follower = DialPlanFollower::new(app.clone(), |_, _, _| ([0; 16], [0; 32]));
    let mut people = 0;
    follower.step(&mut |update| {
        if let muster_domain::dial_plan::PlanUpdate::Organization { people: p, .. } = update {
            people += p.len();
        }
    })?;
    println!("{:.2} s for the phones' snapshot of {people}; {}", begun.elapsed().as_secs_f64(), memory());
    for part in ["zzzz", "pereira", "a"] {
        println!("{}", search(&app, &scope, part)?);
    }
    let begun = Instant::now();
    let verified = app.verify_changes(&scope)?;
    println!("{:.2} s to verify: {:?}; {}", begun.elapsed().as_secs_f64(), verified.problems(), memory());
    let begun = Instant::now();
    let undone = app.undo_job(&scope, job)?;
    println!("{:.2} s to undo {} changes; {}", begun.elapsed().as_secs_f64(), undone.changes, memory());
    app.stop_jobs();
    let _ = worker.join();
    Ok(())
}

/// The median and the slowest but two of two hundred searches, and the first, which reads the names.
fn search(app: &App, scope: &Scope, part: &str) -> Result<String, Box<dyn std::error::Error>> {
    let term = Term { field: "display_name".into(), op: Op::Contains, value: part.into() };
    let query = UserQuery { filter: vec![term], ..UserQuery::default() };
    let (mut took_ms, mut hits) = (Vec::new(), 0);
    for _ in 0..201 {
        let begun = Instant::now();
        hits = app.users(scope, &query)?.items.len();
        took_ms.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let first = took_ms.remove(0);
    took_ms.sort_by(f64::total_cmp);
    Ok(format!(
        "search for {part}: {hits} on the page; first {first:.2} ms, p50 {:.2} ms, p99 {:.2} ms",
        took_ms[99], took_ms[197]
    ))
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line =
        |name: &str| status.lines().find(|l| l.starts_with(name)).unwrap_or_default().replace('\t', " ");
    format!("{} {}", line("VmRSS:"), line("VmHWM:"))
}
