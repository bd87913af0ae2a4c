//! All targets in turn, for as long as one likes.

use std::time::{Duration, Instant};

use super::{Target, number};

/// Cases of one target before it is the next one's turn.
const TURN: u32 = 64;
/// How often the counts are printed.
const TELL: Duration = Duration::from_secs(60);

/// How far one target has got.
struct Progress {
    target: Target,
    cases: u64,
    failed: Option<String>,
}

/// One line: cases of each target, and what failed.
fn said(all: &[Progress]) -> String {
    let counts: Vec<String> = all
        .iter()
        .map(|of| {
            let failed = if of.failed.is_some() { ", FAILED" } else { "" };
            format!(
                "{} {} ({} got beyond a refusal{failed})",
                of.target.name,
                of.cases,
                (of.target.reached)()
            )
        })
        .collect();
    counts.join("; ")
}

/// With `FUZZ_SECONDS` for so long, else once round. Seeds go up by one a round, from `FUZZ_SEED` or 1.
#[test]
fn every_target_in_turn_answers() {
    let (began, first) = (Instant::now(), number("FUZZ_SEED").unwrap_or(1));
    let (time, turn) = match number("FUZZ_SECONDS") {
        Some(seconds) => (Duration::from_secs(seconds), TURN),
        None => (Duration::ZERO, 4),
    };
    let targets = [
        super::rules(),
        super::calls(),
        super::plans(),
        super::runs::executions(),
        super::runs::abandonments(),
        super::runs::settlements(),
    ];
    let mut all: Vec<Progress> = targets
        .into_iter()
        .map(|target| Progress {
            target,
            cases: 0,
            failed: None,
        })
        .collect();
    let (mut seed, mut told) = (first, Instant::now());
    loop {
        for of in all.iter_mut().filter(|of| of.failed.is_none()) {
            of.cases += u64::from(turn);
            if let Err(words) = (of.target.run)(turn, seed) {
                println!("fuzz: {words}");
                of.failed = Some(words);
            }
        }
        if began.elapsed() >= time || all.iter().all(|of| of.failed.is_some()) {
            break;
        }
        if told.elapsed() >= TELL {
            told = Instant::now();
            println!(
                "fuzz: {} s, seeds {first} to {seed}: {}",
                began.elapsed().as_secs(),
                said(&all)
            );
        }
        seed += 1;
    }
    println!(
        "fuzz ended: {} s, seeds {first} to {seed}, cases: {}",
        began.elapsed().as_secs(),
        said(&all)
    );
    let failed: Vec<&str> = all.iter().filter_map(|of| of.failed.as_deref()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
