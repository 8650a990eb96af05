//! Where the two databases differ in what they are told. SQL is written once, with `?1` for parameters
//! and these words in braces.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

/// The word, then what it is on SQLite and on PostgreSQL.
const WORDS: &[(&str, &str, &str)] = &[
    ("{ID}", "BLOB", "UUID"),
    ("{BLOB}", "BLOB", "BYTEA"),
    ("{INT}", "INTEGER", "BIGINT"),
    ("{BOOL}", "INTEGER", "BOOLEAN"),
    // Sorted and compared by bytes, as SQLite does: the folding is done before.
    ("{TEXT}", "TEXT", "TEXT COLLATE \"C\""),
    // Rows lie in the order of their key: one tree instead of two, and a list by id reads neighbours.
    ("{CLUSTERED}", "WITHOUT ROWID", ""),
    // SQLite's one writer needs no lock of a row.
    ("{FOR_UPDATE}", "", "FOR UPDATE"),
    ("{SKIP_LOCKED}", "", "FOR UPDATE SKIP LOCKED"),
    ("{TRUE}", "1", "TRUE"),
    ("{INSTR}", "instr", "strpos"),
    // The entries of a column with a list, as rows with a `value`: the column stands between the two.
    ("{ENTRIES}", "json_each(", "jsonb_array_elements_text("),
    ("{AS_ENTRY}", ") AS entry", "::jsonb) AS entry(value)"),
    // A line for one of them: a comment for the other.
    ("{ONLY_SQLITE}", "", "--"),
    ("{ONLY_POSTGRES}", "--", ""),
    // One of a list. SQLite runs the statement once for each; a call costs it nothing.
    ("{ONE_OF_2}", "= ?2", "= ANY(?2)"),
    ("{ONE_OF_3}", "= ?3", "= ANY(?3)"),
];

impl Dialect {
    /// The SQL as this database wants it.
    pub fn translate(self, sql: &str) -> String {
        let mut out = sql.to_string();
        for (word, sqlite, postgres) in WORDS {
            if out.contains(word) {
                out = out.replace(word, if self == Dialect::Sqlite { sqlite } else { postgres });
            }
        }
        if self == Dialect::Postgres { out.replace('?', "$") } else { out }
    }

    pub fn begin_read(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BEGIN DEFERRED",
            Dialect::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// A read that makes temporary tables; PostgreSQL makes none where nothing may be written.
    pub fn begin_history(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BEGIN DEFERRED",
            Dialect::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        }
    }

    /// Read committed on PostgreSQL: every write locks its organization first, and what it reads after
    /// that must be what the lock's last holder committed.
    pub fn begin_write(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }

    /// What a table's columns are called, in their order.
    pub fn columns_sql(self) -> &'static str {
        match self {
            Dialect::Sqlite => "SELECT name FROM pragma_table_info(?1) ORDER BY cid",
            Dialect::Postgres => {
                "SELECT column_name::text FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND table_name = ?1 ORDER BY ordinal_position"
            }
        }
    }
}
