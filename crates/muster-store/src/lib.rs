//! The one truth: transactions, migrations, rows, on SQLite and PostgreSQL.
