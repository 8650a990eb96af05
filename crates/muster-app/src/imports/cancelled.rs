//! Tries an import that is cancelled before its file is opened.

use muster_domain::ids::JobId;
use muster_domain::permission::Permission;
use muster_domain::types::{Domain, Name, Slug, UnixMillis};
use muster_store::{Config, KeyRing, Store};

use super::{ImportOptions, NewImport};
use crate::jobs::Progress;
use crate::organizations::NewOrganization;
use crate::{App, AppError};

#[test]
fn a_job_that_is_cancelled_does_not_open_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("muster.db").display());
    let keys = KeyRing::from_bytes([7; 32]);
    let app = App::new(Store::open(&Config { url, keys, readers: 1, writers: 1 }).unwrap());
    let actor = app.authenticate(&app.bootstrap().unwrap().unwrap()).unwrap();
    let new = NewOrganization {
        name: Name::parse("Acme").unwrap(),
        slug: Some(Slug::parse("acme").unwrap()),
        domain: Domain::parse("acme.example").unwrap(),
        domain_aliases: Vec::new(),
        country: None,
        time_zone: None,
    };
    app.create_organization(&app.authorize_operator(&actor).unwrap(), &new).unwrap();
    let scope = app.authorize(&actor, "acme", Permission::Import).unwrap();
    let options = ImportOptions::default();
    let new = NewImport { file_name: "", bytes: b"name,extension,password\nAna,100,p\n", options };
    let id = JobId(app.start_import(&scope, &new).unwrap().id);
    let job = app.job(&scope, id).unwrap().job;
    // A file that cannot be opened says whether it was.
    app.store()
        .write(|tx| {
            tx.drop_job_input(scope.org(), id)?;
            tx.put_job_input(scope.org(), id, b"no table", UnixMillis(i64::MAX))
        })
        .unwrap();
    let progress = Progress::default();
    assert!(matches!(app.run_import(&job, &progress), Err(AppError::File(_))));
    progress.cancel();
    assert!(matches!(app.run_import(&job, &progress), Err(AppError::Cancelled)));
}
