//! What an import is measured beside: the rows that it left behind, written again with nothing but the database's own
//! client, into the same tables with the same indexes, in one transaction that is flushed. No foreign key is checked.
//!
//! `straight_write sqlite:IMPORTED.db sqlite:NEW.db` or `straight_write postgres://…/imported postgres://…/imported`
//! (there the copy goes into the schema `straight`). Prints one JSON object: rows, and seconds without the reading.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use rusqlite::types::Value;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let addresses: Vec<String> = std::env::args().skip(1).collect();
    let [source, target] = addresses.as_slice() else {
        return Err("give the address of the imported database and of the new one".into());
    };
    let (rows, took) = match (source.strip_prefix("sqlite:"), target.strip_prefix("sqlite:")) {
        (Some(source), Some(target)) => sqlite(source, target)?,
        _ => postgres(source)?,
    };
    println!("{}", serde_json::json!({"rows": rows, "seconds": took.as_secs_f64()}));
    Ok(())
}

fn sqlite(source: &str, target: &str) -> Outcome<(usize, Duration)> {
    let source = rusqlite::Connection::open(source)?;
    let target = rusqlite::Connection::open(target)?;
    target.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY;",
    )?;
    let mut schema = source.prepare(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'",
    )?;
    let mut tables = Vec::new();
    let mut entries = schema.query([])?;
    while let Some(entry) = entries.next()? {
        target.execute_batch(&entry.get::<_, String>(2)?)?;
        if entry.get::<_, String>(0)? == "table" {
            tables.push(sqlite_table(&source, &entry.get::<_, String>(1)?)?);
        }
    }
    let start = Instant::now();
    target.execute_batch("BEGIN IMMEDIATE")?;
    for (sql, rows) in &tables {
        let mut insert = target.prepare(sql)?;
        for row in rows {
            insert.execute(rusqlite::params_from_iter(row))?;
        }
    }
    target.execute_batch("COMMIT")?;
    Ok((tables.iter().map(|(_, rows)| rows.len()).sum(), start.elapsed()))
}

/// The statement that inserts a row, and all rows, in the order of the table.
fn sqlite_table(source: &rusqlite::Connection, name: &str) -> Outcome<(String, Vec<Vec<Value>>)> {
    let mut all = source.prepare(&format!("SELECT * FROM \"{name}\""))?;
    let columns = all.column_count();
    let marks = vec!["?"; columns].join(", ");
    let row = |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get(at)).collect();
    let rows = all.query_map([], row)?.collect::<Result<Vec<Vec<Value>>, _>>()?;
    Ok((format!("INSERT INTO \"{name}\" VALUES ({marks})"), rows))
}

fn postgres(source: &str) -> Outcome<(usize, Duration)> {
    let mut client = postgres::Client::connect(source, postgres::NoTls)?;
    let tables: Vec<String> = client
        .query(
            "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
            &[],
        )?
        .iter()
        .map(|row| row.get(0))
        .collect();
    client.batch_execute("DROP SCHEMA IF EXISTS straight CASCADE; CREATE SCHEMA straight;")?;
    let mut contents = Vec::new();
    for table in &tables {
        client.batch_execute(&format!(
            "CREATE TABLE straight.\"{table}\" (LIKE public.\"{table}\" INCLUDING ALL)"
        ))?;
        let mut rows = Vec::new();
        let copy = format!("COPY public.\"{table}\" TO STDOUT (FORMAT binary)");
        client.copy_out(&copy)?.read_to_end(&mut rows)?;
        contents.push((format!("COPY straight.\"{table}\" FROM STDIN (FORMAT binary)"), rows));
    }
    let start = Instant::now();
    let mut transaction = client.transaction()?;
    let mut count = 0;
    for (copy, rows) in &contents {
        let mut writer = transaction.copy_in(copy)?;
        writer.write_all(rows)?;
        count += writer.finish()?;
    }
    transaction.commit()?;
    let took = start.elapsed();
    client.batch_execute("DROP SCHEMA straight CASCADE")?;
    Ok((usize::try_from(count)?, took))
}
