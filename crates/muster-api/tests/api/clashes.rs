//! What has one owner only: said by name, across sites and connections.

use muster_domain::change::creation_of;
use muster_domain::field::Entity;
use muster_domain::ids::ChangeSetId;
use muster_domain::log::Facts;
use muster_domain::organization::{Connection, ConnectionKind};
use muster_domain::types::{ExtensionNumber, Name, UnixMillis};
use muster_store::{Recorded, Stored};
use serde_json::json;
use uuid::Uuid;

use crate::common::{Installation, run};
use crate::imports::{Worker, counts, import, listed};

/// A further connection; there is no request for it yet.
fn connection(i: &Installation, name: &str, prefix: Option<&str>) {
    let org = i.app.store().read(|r| r.organization_by_slug("acme")).unwrap().unwrap().id;
    let mut connection = Connection::blank(org, Uuid::now_v7());
    (connection.name, connection.kind) = (Name::parse(name).unwrap(), ConnectionKind::Sip);
    connection.prefix = prefix.map(|prefix| ExtensionNumber::parse(prefix).unwrap());
    connection.version = 1;
    let change = creation_of(&connection);
    let recorded =
        Recorded { change, before: None, after: Some(connection.into_any()), facts: Facts::default() };
    let write = i.app.store().write(|tx| {
        let mut head = tx.lock_org(org)?;
        tx.record(
            &mut head,
            UnixMillis(1),
            Uuid::nil(),
            ChangeSetId(Uuid::now_v7()),
            std::slice::from_ref(&recorded),
        )
    });
    write.unwrap();
}

#[test]
fn whoever_has_a_key_is_named_with_their_extension_and_their_site_where_it_is_another() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let there = "display_name,extension,username,email,site\nAna Silva,1001,ana,ana@example.com,Porto\n\
                     Eva Braun,,eva,,Main\n";
        assert_eq!(counts(&import(i, ours, "create_sites=true", there).await), [2, 0, 0, 0]);
        let file = "display_name,extension,username,email,site\nX,2001,ANA,,Porto\nY,2002,y,ANA@example.com,Main\n\
                    Z,1001,z,,Main\nU,2004,eva,,Porto\n";
        let job = import(i, ours, "dry_run=true", file).await;
        let said = listed(&job["summary"]["problems"], &["row", "column", "reason"]);
        let expect = [
            "1 username is Ana Silva's (extension 1001)",
            "2 email is Ana Silva's (extension 1001, site Porto)",
            "3 extension is Ana Silva's (extension 1001, site Porto)",
            "4 username is Eva Braun's (username eva, site Main)",
        ];
        assert_eq!(said, expect, "{job}");
        let causes = listed(&job["summary"]["causes"], &["column", "reason", "rows"]);
        assert_eq!(causes[0], "username is somebody's who is already there 2", "{causes:?}");
    });
}

#[test]
fn one_extension_in_two_connections_is_two_peoples_and_is_remarked_with_how_each_is_reached() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        connection(i, "Leeds", Some("8"));
        connection(i, "York", None);
        let there =
            "display_name,extension,username,connection\nAna Silva,1001,ana,Leeds\nEva Braun,1002,eva,York\n";
        assert_eq!(counts(&import(i, ours, "", there).await), [2, 0, 0, 0]);
        let file = "display_name,extension,username,connection\nX,1001,x,Built-in\nY,1002,y,\nZ,1003,z,Leeds\nU,1001,u,York\n";
        for (options, expect) in
            [("dry_run=true", [4, 0, 0, 0]), ("", [4, 0, 0, 0]), ("match=extension", [0, 0, 4, 0])]
        {
            let job = import(i, ours, options, file).await;
            assert_eq!(counts(&job), expect, "{job}");
            if expect[0] == 0 {
                assert_eq!(job["summary"]["problems"], json!([]), "they are as they were");
                continue;
            }
            let said = listed(&job["summary"]["problems"], &["row", "reason", "remark"]);
            let expect = [
                "1 is also Ana Silva's in the connection Leeds: reached there with 8 before it true",
                "2 is also Eva Braun's in the connection York: which has no prefix, so that only its own people reach it true",
                "4 is also Ana Silva's in the connection Leeds: reached there with 8 before it true",
            ];
            assert_eq!(said, expect);
            let causes = listed(&job["summary"]["causes"], &["reason", "rows"]);
            assert_eq!(causes, ["is also somebody's in another connection 3"]);
        }
    });
}
