//! What PostgreSQL reads for a page, a tick and a lease, in rows: the same for few schedules and for many.

use serde_json::Value;
use tokio_postgres::types::{FromSql, Type};

use super::open;
use crate::contract::SortKey;
use crate::kit::T0;
use crate::postgres::client::{Found, FromRow, Pool, Result};
use crate::postgres::due::{DELIVERIES, SCHEDULES, by_organizer_sql, by_time_sql, rows_sql};
use crate::postgres::{delivery, leases, lists, plans};

/// So many schedules of one scope that are due later, all of them at one of three times or never, and 90 of another of which 30 are
/// due at [`T0`].
fn rows(count: u32) -> String {
    format!(
        "insert into organizer (slug, enabled) values ('many', true), ('few', true);
         insert into schedule (id, organizer, event, owner, version, exporter, recipients, next_run, active, error_counter, document,
             zone_database, created_at, changed_at)
           select n, case when n <= 90 then 'few' else 'many' end, '', 'u', 1, 'x' || n % 2, '{{}}',
             case n % 3 when 0 then {T0} when 1 then {T0} + 900000 end + case when n <= 90 then 0 else 86400 end,
             true, 0, repeat('d', 300), '2026a', 0, 0
           from generate_series(1, {count} + 90) n;
         insert into scope_size (organizer, event, part, schedules)
           select organizer, event, id % 16, count(*) from schedule group by 1, 2, 3"
    )
}

/// Rows that a statement reads from tables and indexes, those that it passes over included; what it writes is taken back.
async fn read(pool: &Pool, statement: &str) -> u64 {
    let transaction = pool.begin().await.unwrap();
    let explain = format!("explain (analyze, timing off, summary off, format json) {statement}");
    let plan: Plan =
        (transaction.fetch_one(&explain, &[]).await).unwrap_or_else(|error| panic!("{statement}: {error}"));
    transaction.rollback().await.unwrap();
    let Plan(plan) = plan;
    read_by(&plan[0]["Plan"])
}

/// How a statement is gone about, as JSON.
struct Plan(Value);

impl FromRow for Plan {
    fn from_row(row: Found) -> Result<Self> {
        row.try_get(0)
    }
}

impl<'r> FromSql<'r> for Plan {
    fn from_sql(_: &Type, raw: &'r [u8]) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(serde_json::from_slice(raw)?))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::JSON
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of rows")]
fn read_by(node: &Value) -> u64 {
    let number = |name: &str| node[name].as_f64().unwrap_or_default();
    let here =
        if node["Node Type"].as_str().is_some_and(|kind| kind.contains("Scan")) && node["Relation Name"].is_string() {
            let passed = number("Rows Removed by Filter") + number("Rows Removed by Index Recheck");
            ((number("Actual Rows") + passed) * number("Actual Loops")).round() as u64
        } else {
            0
        };
    let below = node["Plans"].as_array().into_iter().flatten().map(read_by);
    here + below.sum::<u64>()
}

/// A statement with its parameters in their places.
fn with(statement: &str, parameters: &[&str]) -> String {
    let numbered = parameters.iter().enumerate().rev();
    numbered.fold(statement.to_owned(), |sql, (place, value)| {
        sql.replace(&format!("${}", place + 1), value)
    })
}

#[tokio::test]
async fn a_tick_a_lease_and_a_page_read_the_same_rows_of_few_and_of_many() {
    let (now, before) = (T0.to_string(), (T0 - 1).to_string());
    let mut asked = vec![
        with(&rows_sql(SCHEDULES), &[&before, "2001"]),
        with(&rows_sql(SCHEDULES), &[&now, "2001"]),
        with(&by_time_sql(SCHEDULES), &[&before, "1000"]),
        with(&by_time_sql(SCHEDULES), &[&now, "1000"]),
        with(&by_organizer_sql(SCHEDULES), &[&now]),
        with(&rows_sql(DELIVERIES), &[&now, "2001"]),
        with(&by_time_sql(DELIVERIES), &[&now, "1000"]),
        with(leases::LEASE_ROWS, &[&now, "9", "array[3, 6, 9, 12, 15]"]),
        with(leases::LEASE_BY_TURNS, &[&now, "9", "array['few']", "64", "64"]),
        with(leases::LEASE_BY_TURNS, &[&now, "9", "array['few']", "20", "20"]),
        with(delivery::LEASE_BY_TURNS, &[&now, "9", "array['few']", "20", "20"]),
        with(leases::ANY_SETTLED, &[&now]),
        plans::NEXT_WAKE.to_owned(),
        with(lists::ONE, &["200", "'many'", "''", "null"]),
        with(lists::COUNT_ALL, &["'many'"]),
    ];
    for order in [SortKey::Id, SortKey::ExportIdentifier, SortKey::NextRun] {
        for descending in [false, true] {
            let first = lists::page_sql(order, descending, false, false);
            asked.push(with(&first, &["'many'", "''", "null", "51", "0"]));
            // Behind two hundred of those that share the key.
            let deep = lists::page_sql(order, descending, false, true);
            let key = match order {
                SortKey::Id => "",
                SortKey::ExportIdentifier => "'x1'",
                SortKey::NextRun if descending => &format!("~{}::bigint", T0 + 86_400),
                SortKey::NextRun => &(T0 + 86_400).to_string(),
            };
            asked.push(with(&deep, &["'many'", "''", "null", "51", "700", key]));
        }
    }
    let mut taken = Vec::new();
    for count in [2_000, 20_000] {
        let Some((store, _url)) = open().await else {
            return;
        };
        store.pool().run(&rows(count)).await.unwrap();
        store.pool().run("vacuum analyze").await.unwrap();
        let mut of_each = Vec::new();
        for statement in &asked {
            of_each.push(read(store.pool(), statement).await);
        }
        taken.push(of_each);
    }
    for ((statement, few), many) in asked.iter().zip(&taken[0]).zip(&taken[1]) {
        assert_eq!(few, many, "{statement}");
        assert!(*many <= 200, "{many} rows: {statement}");
    }
    // What is counted is not nothing.
    assert!(taken[0].iter().filter(|rows| **rows >= 50).count() >= 12, "{taken:?}");
}
