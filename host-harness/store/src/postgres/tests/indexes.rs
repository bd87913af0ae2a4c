//! How PostgreSQL goes about what the store asks it: by indexes, whatever the size of the tables.

use super::open;
use crate::contract::SortKey;
use crate::postgres::client::{Connection, Pool};
use crate::postgres::due::{DELIVERIES, SCHEDULES, by_organizer_sql, by_time_sql, rows_sql};
use crate::postgres::{
    called_off, change_notices, commit, delivery, files, finish, leases, lists, outbox, plans, retention, runs,
};

/// Some thousand rows of each table, as many organizers as a hundred, nearly nothing of it due.
const ROWS: &str = "
    insert into organizer (slug, enabled) select 'o' || n, true from generate_series(0, 99) n;
    insert into run (schedule, organizer, event, due, state, started, started_version, ended)
      select n % 5000, 'o' || n % 100, '', n, 'delivered', n, 1, n + 5 from generate_series(1, 20000) n;
    insert into run (schedule, organizer, event, due, state, started, started_version, settle_wake)
      select n, 'o' || n % 100, '', 1000000 + n, 'submitted', n, 1, case when n % 10 = 0 then 1000000 + n end
      from generate_series(1, 200) n;
    insert into schedule (id, organizer, event, owner, version, exporter, recipients, next_run, active, error_counter, document,
        zone_database, created_at, changed_at)
      select n, 'o' || n % 100, case when n % 2 = 0 then '' else 'e' || n % 7 end, 'u' || n % 13, 1, 'x' || n % 5, '{}',
        1000000 + n, n % 50 > 0, 0, repeat('d', 300), '2026a', 0, 0
      from generate_series(1, 20000) n;
    insert into mail (run, schedule, organizer, event, due, kind, message_id, sender, subject, body, attach_file, created)
      select id, schedule, organizer, event, due, 'export', 'm' || id, 's', 's', repeat('b', 300), false, due from run;
    insert into delivery (mail, position, organizer, role, address, status, next_try)
      select m.id, p, m.organizer, 'to', 'a', case when m.due > 1000000 then 'queued' else 'accepted' end, m.due
      from mail m cross join generate_series(0, 1) p;
    insert into open_notice (organizer, told, mail, until)
      select organizer, 'u' || id, id, due from mail where id <= 5000;
    insert into audit (at, organizer, event, actor, action, detail)
      select n, 'o' || n % 100, '', 'a', 'run', 'd' from generate_series(1, 20000) n;
    insert into request (caller, key, fingerprint, ticket, lease_until, expires_at)
      select 'c', 'k' || n, '', n, n, n from generate_series(1, 20000) n;
    analyze;";

const KEEP_PARAMETERS: &str = "bigint 7; bigint 1; bigint 7; text 'n'; text 't'; bigint 1; bigint 1; bytea[] '{a}'; \
     text '[]'";
const SUBMIT_PARAMETERS: &str = "bigint 7; bigint 1; bigint 7; bigint 100; bigint null; bigint 0; boolean true; text 'submitted'; text 'export'; text 'm'; \
             text 's'; text 's'; text 'b'; boolean true; text[] '{to}'; text[] '{a}'; bigint 1000; bigint 5000; text null; text null; bigint 500; bigint 2500";

/// The plan for such parameters, as a prepared statement gets it once it has been used often.
async fn plan(pool: &Pool, statement: &str, parameters: &str) -> String {
    let connection = Connection::open(pool.address()).await.unwrap();
    let (types, values): (Vec<_>, Vec<_>) = parameters
        .split(';')
        .filter_map(|one| one.trim().split_once(' '))
        .unzip();
    let listed = |of: Vec<&str>| {
        if of.is_empty() {
            String::new()
        } else {
            format!("({})", of.join(", "))
        }
    };
    let (types, values) = (listed(types), listed(values));
    let script =
        format!("set plan_cache_mode = force_generic_plan; deallocate all; prepare asked {types} as {statement}");
    let prepared = connection.run(&script).await;
    prepared.unwrap_or_else(|error| panic!("{statement}: {error}"));
    let explain = format!("explain (costs off) execute asked {values}");
    let lines: Vec<String> = connection.fetch_all(&explain, &[]).await.unwrap();
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn no_statement_reads_a_whole_table() {
    let Some((store, _url)) = open().await else {
        return;
    };
    let pool = store.pool();
    pool.run(ROWS).await.unwrap();
    let turn = "bigint 1000010; bigint 2000000; text[] '{o1,o2}'; bigint 5; bigint 10";
    let mut asked: Vec<(String, &str)> = vec![
        (lists::ONE.to_owned(), "bigint 7; text 'o7'; text 'e0'; text null"),
        (rows_sql(SCHEDULES), "bigint 1000010; bigint 2001"),
        (by_time_sql(SCHEDULES), "bigint 1000010; bigint 1000"),
        (by_organizer_sql(SCHEDULES), "bigint 1000010"),
        (rows_sql(DELIVERIES), "bigint 1000010; bigint 2001"),
        (by_time_sql(DELIVERIES), "bigint 1000010; bigint 1000"),
        (by_organizer_sql(DELIVERIES), "bigint 1000010"),
        (
            leases::LEASE_ROWS.to_owned(),
            "bigint 1000010; bigint 2000000; bigint[] '{1,2,3}'",
        ),
        (leases::LEASE_BY_TURNS.to_owned(), turn),
        (
            delivery::LEASE_ROWS.to_owned(),
            "bigint 1000010; bigint 2000000; bigint[] '{1,2}'; bigint[] '{0,1}'",
        ),
        (delivery::LEASE_BY_TURNS.to_owned(), turn),
        (leases::SETTLED.to_owned(), "bigint 1000010; bigint 10"),
        (plans::NEXT_WAKE.to_owned() + " where $1 > 0", "bigint 1"),
        (plans::BACKLOG.to_owned(), "bigint 1000010; bigint 1000"),
        (plans::REPLAN.to_owned(), "bigint 500; text '2026b'"),
        (retention::ORPHANS.to_owned(), ""),
        (retention::KEPT_FILES.to_owned(), ""),
        (change_notices::WAITING.to_owned(), "text 'o1'; text 'u1'; bigint 100"),
        (
            change_notices::KEEP.to_owned(),
            "text 'o1'; text 'u1'; text 'm1'; bigint 100",
        ),
        (retention::OVER.to_owned(), "bigint 100; bigint 200"),
        (retention::CHANGES.to_owned(), "bigint 100; bigint 200"),
        (retention::AUDIT.to_owned(), "bigint 100; bigint 200"),
        (runs::HISTORY[0].to_owned(), "bigint 7; bigint 51; bigint 0"),
        (
            runs::HISTORY[1].to_owned(),
            "bigint 7; bigint 51; bigint 10000; bigint 5",
        ),
        (runs::LATEST[0].to_owned(), "bigint 50"),
        (runs::LATEST[1].to_owned(), "bigint 50; bigint 7"),
        (
            runs::START.to_owned(),
            "bigint 7; bigint 1; bigint 100; bigint 100; text 'UTC'; bigint 200; text '2026a'",
        ),
        (files::KEEP.to_owned(), KEEP_PARAMETERS),
        (finish::SUBMIT.to_owned(), SUBMIT_PARAMETERS),
        (
            called_off::MAILS_OF_SCHEDULE.to_owned(),
            "bigint 7; text null; text null",
        ),
        (
            called_off::MAILS_OF_ORGANIZER.to_owned(),
            "bigint null; text 'o7'; text 'e0'",
        ),
        (called_off::MAILS_OF_RUN.to_owned(), "bigint 7; text null; text null"),
        (
            called_off::LINKS_OF_SCHEDULE.to_owned(),
            "bigint 7; text null; text null",
        ),
        (
            called_off::LINKS_OF_ORGANIZER.to_owned(),
            "bigint null; text 'o7'; text 'e0'",
        ),
        (called_off::LINKS_OF_RUN.to_owned(), "bigint 7; text null; text null"),
        (delivery::STANDING.to_owned(), "bigint[] '{1,2}'"),
        (runs::RECORDED.to_owned(), "bigint 7; bigint 0; bigint 100"),
        (leases::ANY_SETTLED.to_owned(), "bigint 1000010"),
        ("delete from request where expires_at <= $1".to_owned(), "bigint 10"),
        (
            "update run set link_hash = null, link_expires = null where link_expires <= $1".to_owned(),
            "bigint 10",
        ),
        ("select 1 from schedule where open_run = $1".to_owned(), "bigint 10"),
        ("select 1 from mail where run = $1".to_owned(), "bigint 10"),
        (outbox::forget_text_if_final!().to_owned(), "bigint[] '{10}'"),
    ];
    for owner in [false, true] {
        let counted = lists::count_sql(owner).to_owned();
        asked.push((counted, "text 'o7'; text ''; text null"));
        for order in [SortKey::Id, SortKey::ExportIdentifier, SortKey::NextRun] {
            for descending in [false, true] {
                let first = lists::page_sql(order, descending, owner, false);
                asked.push((first, "text 'o8'; text ''; text 'u1'; bigint 51; bigint 0"));
                let deep = lists::page_sql(order, descending, owner, true);
                asked.push(match order {
                    SortKey::Id => (deep, "text 'o8'; text ''; text 'u1'; bigint 51; bigint 9000"),
                    SortKey::ExportIdentifier => {
                        (deep, "text 'o8'; text ''; text 'u1'; bigint 51; bigint 9000; text 'x3'")
                    }
                    SortKey::NextRun => (
                        deep,
                        "text 'o8'; text ''; text 'u1'; bigint 51; bigint 9000; bigint 1000500",
                    ),
                });
            }
        }
    }
    for (statement, parameters) in &asked {
        let plan = plan(pool, statement, parameters).await;
        for table in ["schedule", "run", "mail", "delivery", "audit", "request"] {
            let whole = format!("Seq Scan on {table}");
            assert!(!plan.contains(&whole), "{statement}\n{plan}");
        }
    }
    // What is due is read in its order: one piece of one index.
    for table in [SCHEDULES, DELIVERIES] {
        let plan = plan(pool, &rows_sql(table), "bigint 1000010; bigint 2001").await;
        let by_time = format!("using {}_wake", table.0);
        assert!(plan.contains(&by_time) && !plan.contains("Sort"), "{plan}");
    }
    // Everybody's page is read in its order: what is sorted is at most two pages.
    for order in [SortKey::Id, SortKey::ExportIdentifier, SortKey::NextRun] {
        for descending in [false, true] {
            let statement = lists::page_sql(order, descending, false, false);
            let plan = plan(pool, &statement, "text 'o8'; text ''; text 'u1'; bigint 51; bigint 0").await;
            assert!(!plan.contains("Sort"), "{statement}\n{plan}");
        }
    }
}

/// Statements are planned once, and a young host plans them when there is nothing: then one index looks as good as another.
#[tokio::test]
async fn what_is_planned_on_empty_tables_goes_by_the_index_that_was_made_for_it() {
    let Some((store, _url)) = open().await else {
        return;
    };
    let mut asked = vec![
        (
            lists::ONE.to_owned(),
            "bigint 7; text 'o7'; text 'e0'; text null",
            "schedule_pkey",
        ),
        (
            runs::START.to_owned(),
            "bigint 7; bigint 1; bigint 100; bigint 100; text 'UTC'; bigint 200; text '2026a'",
            "schedule_pkey",
        ),
        (
            commit::CHANGE.to_owned(),
            "bigint 7; text 'x'; text '{}'; bigint 9; bigint[] '{1}'; bigint 0; text 'd'; text '2026a'; bigint 9; text 'o7'; text 'e0'; \
             text null; text 'a'; bigint 1; bigint[] '{3000,120,9000000,10}'; text 'bcc'",
            "schedule_pkey",
        ),
    ];
    for (order, descending, index) in [
        (SortKey::Id, false, "schedule_scope"),
        (SortKey::Id, true, "schedule_scope"),
        (SortKey::ExportIdentifier, false, "schedule_exporter_up"),
        (SortKey::ExportIdentifier, true, "schedule_exporter_down"),
        (SortKey::NextRun, false, "schedule_next_up"),
        (SortKey::NextRun, true, "schedule_next_down"),
    ] {
        let first = lists::page_sql(order, descending, false, false);
        asked.push((first, "text 'o8'; text ''; text null; bigint 51; bigint 0", index));
    }
    for (statement, parameters, index) in &asked {
        let plan = plan(store.pool(), statement, parameters).await;
        let of_schedules = |line: &&str| line.contains(" on schedule") && line.contains("Scan");
        for line in plan.lines().filter(of_schedules) {
            assert!(line.contains(index), "{statement}\n{plan}");
        }
    }
}

/// After a `vacuum`, the planner knows that a table is empty, and holds any join for one with nothing: a plan that begins with the whole
/// of it stays until there are new figures, and the table grows.
#[tokio::test]
async fn nothing_that_a_run_takes_begins_with_a_whole_table_where_the_tables_were_known_to_be_empty() {
    let Some((store, _url)) = open().await else {
        return;
    };
    let quiet = "alter table schedule set (autovacuum_enabled = off); vacuum analyze";
    for statement in quiet.split(';') {
        store.pool().run(statement).await.unwrap();
    }
    for (statement, parameters) in [
        (
            runs::START,
            "bigint 7; bigint 1; bigint 100; bigint 100; text 'UTC'; bigint 200; text '2026a'",
        ),
        (files::KEEP, KEEP_PARAMETERS),
        (finish::SUBMIT, SUBMIT_PARAMETERS),
        (leases::LEASE_ROWS, "bigint 9; bigint 19; bigint[] '{7,8}'"),
        (
            delivery::LEASE_ROWS,
            "bigint 9; bigint 19; bigint[] '{7,8}'; bigint[] '{0,0}'",
        ),
    ] {
        let plan = plan(store.pool(), statement, parameters).await;
        let lines: Vec<&str> = plan.lines().collect();
        for (nth, line) in lines.iter().enumerate() {
            let reads = line.contains("Index Scan") || line.contains("Index Only Scan") || line.contains("Seq Scan");
            let by_key = lines.get(nth + 1).is_some_and(|next| next.contains("Index Cond"));
            assert!(!reads || by_key, "{statement}\n{plan}");
        }
    }
}
