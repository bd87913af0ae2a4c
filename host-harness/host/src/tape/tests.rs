//! A tape with a call of each import, as an earlier host wrote it.

use serde_json::json;

use super::{Came, Facts, Recorded, Recording, Replayed, Tape, Taped};
use crate::contract::exporters::RightsOf;
use crate::contract::log::Level;
use crate::contract::{
    AccessContext, Audience, Caller, Mail, MailKind, MissedRange, Outcome, PageQuery, Position, RunStart, SortKey,
};
use crate::contract::{Filter, MissedReason, RunQuery, RunRequest};
use crate::imports::{During, Handle, Imports};

/// Calls each import once, with what the tape has..
async fn call_each<H: Imports>(host: &H, mut by: H::Access, mut of: H::Run) {
    let content = host.run_context(&of).schedule.content.clone();
    let slugs = || vec!["autumn".to_owned()];
    let missed = || {
        vec![MissedRange {
            reason: MissedReason::Unavailable,
            first: 1_799_900_000,
            last: 1_799_990_000,
            count: 2,
        }]
    };
    let query = PageQuery {
        filter: Filter::default(),
        order: SortKey::NextRun,
        descending: true,
        at: Position::Number(2),
        size: 50,
    };
    let _ = host.list(&by, query).await;
    let _ = host.get(&by, 7).await;
    let _ = host.insert(&mut by, content.clone()).await;
    let _ = host.update(&mut by, 7, 1, content.clone(), missed()).await;
    let _ = host.take_over(&mut by, 7, 1, content.clone(), missed()).await;
    let _ = host.delete(&mut by, 7, None).await;
    let _ = host.runs(&by, 7, RunQuery::page(Position::After("x".into()), 10)).await;
    let _ = host.latest_runs(&by, vec![7]).await;
    let _ = host.available(&by, RightsOf::Caller, Some("rows".into())).await;
    let whose = RightsOf::OwnerOf(7);
    let _ = host.usable_events(&by, whose, "rows".into(), Some(slugs())).await;
    let _ = host.check_form(&by, RightsOf::Caller, "rows".into(), "{}".into()).await;
    let _ = host.visible_events(&by, slugs()).await;
    let _ = host.missing_events(&by, slugs()).await;
    let _ = host.notify_owner(&mut by, 7, "Changed".into(), "By Bob.".into()).await;
    let _ = host.request(&mut by, Some(7), RunRequest::Rerun(1_799_990_000)).await;
    let plan = RunStart {
        due: 1_800_000_000,
        missed: missed(),
        next_run: Some(1_800_086_400),
    };
    let _ = host.start(&mut of, plan).await;
    let (form, language, zone) = ("{}".into(), "en".into(), "UTC".into());
    let _ = host.produce(&mut of, form, language, zone, 1_800_000_000).await;
    let _ = host.zip(&mut of).await;
    let _ = host.link(&mut of).await;
    let mail = Mail {
        kind: MailKind::Export,
        audience: Audience::People(content.recipients),
        subject: "Rows".into(),
        text: "As ever.".into(),
        attach_file: true,
    };
    let _ = host.stage(&mut of, mail).await;
    let during = During {
        function: "execute",
        handle: Handle::Run(&of),
    };
    host.write(&during, Level::Warn, "too large");
    let outcome = Outcome::Failed(("mail-too-large".into(), "too large".into()));
    let _ = host.finish(&mut of, outcome, 1, true).await;
}

#[tokio::test]
async fn an_earlier_tape_has_each_import_answer_as_it_did_and_is_written_again_as_it_was() {
    let earlier = Tape::from_text(include_str!("every_import.tape.jsonl")).expect("a tape");
    let Facts::Run(run) = earlier.head.facts.clone() else {
        panic!("a run was lent");
    };
    let access = AccessContext {
        caller: Caller::Token,
        language: "en".into(),
        event_level: false,
        may_change_settings: false,
        may_write: true,
        settings: run.settings.clone(),
    };
    let tape = Recording::of(earlier.head.clone());
    let host = Recorded {
        host: Replayed::of(&earlier.calls),
    };
    let (access, run) = (
        Taped {
            handle: access,
            tape: Some(tape.clone()),
        },
        Taped {
            handle: run,
            tape: Some(tape.clone()),
        },
    );
    call_each(&host, access, run).await;
    let written = tape.ended(Came::Answered(json!(null)));
    assert_eq!(written, Some(earlier));
}
