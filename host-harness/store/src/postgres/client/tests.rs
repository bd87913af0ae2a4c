//! The client beside a server: its pool, its transactions, and how it is reached.

use std::time::Duration;

use futures_util::future;
use scheduled_exports_test_servers::postgres::FORGETFUL;
use scheduled_exports_test_servers::{PostgresServer, certificate};

use super::{Address, Connection, Error, Pool};
use crate::StorageError;

/// So many connections to a new database, each waited for so long; none: there are no server programs.
fn pool(most: u32, turn: Duration) -> Option<Pool> {
    let url = PostgresServer::shared()?.new_database();
    Some(Pool::new(Address::parse(&url).unwrap(), most, turn))
}

fn one() -> Option<Pool> {
    pool(1, Duration::from_secs(10))
}

async fn kept(pool: &Pool) -> Vec<i64> {
    pool.fetch_all("select n from kept order by n", &[]).await.unwrap()
}

async fn put(on: &Connection, n: i64) {
    on.execute("insert into kept values ($1)", &[&n]).await.unwrap();
}

#[tokio::test]
async fn who_comes_too_many_waits_for_his_turn_and_not_for_ever() {
    let Some(pool) = pool(1, Duration::from_millis(100)) else {
        return;
    };
    let first = pool.acquire().await.unwrap();
    let late = pool.acquire().await.err().unwrap();
    assert!(matches!(late, Error::Late(None)), "{late}");
    assert!(matches!(StorageError::from(late), StorageError::Unavailable(_)));
    let (_, second) = tokio::join!(async { drop(first) }, pool.acquire());
    drop(second.unwrap());
    pool.close().await;
    let closed = pool.acquire().await.err().unwrap();
    assert!(matches!(closed, Error::Closed), "{closed}");
}

#[tokio::test]
async fn a_transaction_lasts_with_its_commit_and_leaves_nothing_without() {
    let Some(pool) = one() else { return };
    pool.run("create table kept (n bigint unique)").await.unwrap();
    let dropped = pool.begin().await.unwrap();
    put(&dropped, 1).await;
    drop(dropped);
    assert_eq!(kept(&pool).await, [0_i64; 0]);
    let rolled_back = pool.begin().await.unwrap();
    put(&rolled_back, 1).await;
    rolled_back.rollback().await.unwrap();
    let committed = pool.begin().await.unwrap();
    put(&committed, 2).await;
    committed.commit().await.unwrap();
    let (reading, found) = pool.begin_reading::<i64>("select n from kept", &[]).await.unwrap();
    assert_eq!(found, [2]);
    put(&reading, 3).await;
    let last = reading.commit_after("insert into kept values ($1)", &[&4_i64]).await;
    last.unwrap();
    assert_eq!(kept(&pool).await, [2, 3, 4]);
}

#[tokio::test]
async fn where_the_last_statement_is_refused_the_transaction_is() {
    let Some(pool) = one() else { return };
    pool.run("create table kept (n bigint unique)").await.unwrap();
    let twice = pool.begin().await.unwrap();
    put(&twice, 1).await;
    let refused = twice.commit_after("insert into kept values ($1)", &[&1_i64]).await;
    assert_eq!(refused.unwrap_err().sql_state(), Some("23505"));
    assert_eq!(kept(&pool).await, [0_i64; 0]);
    // And where a transaction does not begin as it should.
    let refused = pool.begin_reading::<i64>("select 1 / 0", &[]).await.err().unwrap();
    assert_eq!(refused.sql_state(), Some("22012"));
    pool.execute("insert into kept values ($1)", &[&5_i64]).await.unwrap();
    assert_eq!(kept(&pool).await, [5]);
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_over_before_a_connection_is_used_again() {
    let Some(pool) = one() else { return };
    pool.run("create table kept (n bigint)").await.unwrap();
    let slow = "insert into kept select 1 from pg_sleep(0.2)";
    let left = tokio::time::timeout(Duration::from_millis(20), pool.execute(slow, &[])).await;
    assert!(left.is_err());
    assert_eq!(kept(&pool).await, [1]);
    let many = "select n from generate_series(1::bigint, 3000000) n";
    for _ in 0..2 {
        let connection = pool.acquire().await.unwrap();
        let mut rows = connection.stream(many, &[]).await.unwrap();
        let first = futures_util::StreamExt::next(&mut rows).await.unwrap().unwrap();
        assert_eq!(first.try_get::<i64>("n").unwrap(), 1);
    }
    assert_eq!(kept(&pool).await, [1]);
}

#[tokio::test]
async fn what_is_asked_together_is_answered_in_order() {
    let Some(pool) = one() else { return };
    let connection = pool.acquire().await.unwrap();
    for _ in 0..2 {
        let asked = (1..=20_i64).map(async |n| connection.fetch_one::<i64>("select $1", &[&n]).await.unwrap());
        assert_eq!(future::join_all(asked).await, (1..=20).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn values_go_there_and_come_back_and_another_type_is_damage() {
    let Some(pool) = one() else { return };
    let none: Option<i64> = pool.fetch_one("select $1", &[&None::<i64>]).await.unwrap();
    assert_eq!(none, None);
    let is_null: bool = pool.fetch_one("select $1 is null", &[&None::<&str>]).await.unwrap();
    assert!(is_null);
    let (texts, bytes): (Vec<String>, Vec<u8>) = pool
        .fetch_one("select $1, $2", &[&["a", "b"].as_slice(), &b"\0\xff".as_slice()])
        .await
        .unwrap();
    assert_eq!((texts, bytes), (vec!["a".to_owned(), "b".to_owned()], vec![0, 255]));
    let other = pool.fetch_one::<i64>("select 'text'", &[]).await.unwrap_err();
    assert!(matches!(StorageError::from(other), StorageError::Corrupt(_)));
    let nothing = pool
        .fetch_one::<i64>("select 1::bigint where false", &[])
        .await
        .unwrap_err();
    assert!(matches!(StorageError::from(nothing), StorageError::Corrupt(_)));
}

#[tokio::test]
async fn of_several_hosts_the_first_that_will_do_is_taken() {
    let Some(server) = PostgresServer::shared() else { return };
    let url = server.new_database();
    let (before, folder) = url.split_once("?host=").unwrap();
    let url = format!("{before}?host=/nonexistent,{folder}&target_session_attrs=read-write");
    let connection = Connection::open(&Address::parse(&url).unwrap()).await.unwrap();
    connection.run("create table kept (n bigint)").await.unwrap();
    let standby = format!("{url}&options=-c%20default_transaction_read_only=on");
    let refused = Connection::open(&Address::parse(&standby).unwrap())
        .await
        .err()
        .unwrap();
    assert!(refused.to_string().contains("does not allow writes"), "{refused}");
    assert!(matches!(StorageError::from(refused), StorageError::Unavailable(_)));
}

#[tokio::test]
async fn a_connection_is_encrypted_as_far_as_the_url_says() {
    let certificates = [("server.crt", certificate::SERVER), ("server.key", certificate::KEY)];
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let encrypting = [("ssl", "on"), ("listen_addresses", "127.0.0.1"), ("port", &port)];
    let settings: Vec<_> = FORGETFUL.iter().copied().chain(encrypting).collect();
    let Some(_server) = PostgresServer::launch_with(&settings, &certificates) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, certificate::CA).unwrap();
    let ca = ca.display();
    let encrypted = async |host: &str, more: &str| -> Result<bool, Error> {
        let url = format!("postgres://harness@{host}:{port}/postgres?{more}");
        let connection = Connection::open(&Address::parse(&url).unwrap()).await?;
        connection
            .fetch_one("select ssl from pg_stat_ssl where pid = pg_backend_pid()", &[])
            .await
    };
    assert!(!encrypted("localhost", "sslmode=disable").await.unwrap());
    for more in ["", "sslmode=require", &format!("sslmode=verify-full&sslrootcert={ca}")] {
        assert!(encrypted("localhost", more).await.unwrap(), "{more}");
    }
    // Of another name, it is still of that authority.
    let other = |mode: &str| format!("hostaddr=127.0.0.1&sslmode={mode}&sslrootcert={ca}");
    assert!(encrypted("other.example", &other("verify-ca")).await.unwrap());
    for (host, more) in [
        ("localhost", "sslmode=verify-ca".to_owned()),
        ("localhost", "sslmode=verify-full".to_owned()),
        ("other.example", other("verify-full")),
    ] {
        let refused = encrypted(host, &more).await.unwrap_err();
        assert!(matches!(refused, Error::Unreached(_)), "{host} {more}: {refused}");
        assert!(refused.to_string().contains("certificate"), "{host} {more}: {refused}");
    }
}
