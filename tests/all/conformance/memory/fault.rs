//! What the host in memory can be told to get wrong.

macro_rules! faults {
    ($($fault:ident => $check:literal: $what:literal,)*) => {
        /// One thing that a host gets wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Fault { $(#[doc = $what] $fault,)* }

        /// Each of them, and the check that finds it.
        pub const WRONG: &[(Fault, &str)] = &[$((Fault::$fault, $check),)*];
    };
}

faults! {
    WritesAtOnce => "what-a-call-staged-is-dropped-when-it-answers-an-error": "Writes at once what a call should stage.",
    CommitsNothing => "what-a-call-staged-is-committed-when-it-answers-ok": "Forgets what a call has staged.",
    ShowsOldContent => "a-call-sees-what-it-has-staged": "Reads beside what a call has staged.",
    GivesIdsAgain => "an-id-is-never-used-again": "Gives the id of a deleted schedule to the next one.",
    CountsRunsAsChanges => "a-version-goes-up-with-changes-and-not-with-runs": "Raises the version with each run.",
    LetsStaleThrough => "a-stale-version-is-refused": "Does not compare versions.",
    ForgetsTheQuota => "the-quota-is-kept": "Takes any number of schedules.",
    SortsPagesOnly => "a-list-is-sorted-as-asked": "Puts absent values first where the order is turned around.",
    CountsWhatIsInvisible => "a-list-shows-what-the-caller-may-see": "Counts all of an organizer's schedules in `total`.",
    RepeatsTheLastRow => "a-cursor-shows-each-row-once": "Begins a page with the row that the cursor came from.",
    CountsInCursors => "a-cursor-is-not-moved-by-changes": "Has a cursor that says how many rows to leave out.",
    TakesAnyCursor => "a-text-that-is-no-cursor-is-no-page": "Shows the first page for a cursor that is none.",
    ShowsForeignIds => "a-foreign-id-reads-as-one-that-nobody-has": "Looks a schedule up by its id alone.",
    ForbidsForeignIds => "a-foreign-id-reads-as-one-that-nobody-has": "Answers `forbidden` for what is there but not visible.",
    MakesTheChangerOwner => "an-owner-is-who-inserted-it-and-stays-so-when-others-change-it": "Gives a schedule to whoever changes it.",
    KeepsTheOwner => "a-take-over-makes-the-caller-the-owner": "Takes a take-over for a change.",
    TellsWithoutCommit => "an-owner-is-told-when-others-change-a-schedule": "Sends a notice though its call was refused.",
    TellsOnlyOfTakeOvers => "an-owner-is-told-when-others-change-a-schedule": "Has nobody to tell of a change or a deletion.",
    TellsTheCaller => "an-owner-is-told-when-others-change-a-schedule": "Tells owners of their own changes.",
    TellsTheNewOwner => "an-owner-is-told-when-others-change-a-schedule": "Tells the user whose schedule it is after the call.",
    SendsEachNotice => "what-an-owner-is-told-within-a-quarter-of-an-hour-is-one-mail": "Sends a mail for each notice.",
    TellsTheInactive => "an-owner-who-is-inactive-or-gone-is-not-told": "Writes to an owner who is switched off.",
    AsksTheCaller => "exporters-are-those-of-the-subject": "Asks for the caller's rights in place of the owner's.",
    TakesTodaysEventsForAll => "a-reach-of-all-events-includes-those-to-come": "Takes a user with each event of today for one with a right to all.",
    ListsTodaysEvents => "a-reach-of-all-events-includes-those-to-come": "Answers the events of today where the right is to all of them.",
    AnswersAllForSome => "a-reach-of-all-events-includes-those-to-come": "Answers all events where it was asked about some.",
    ShowsForeignEvents => "events-are-those-of-the-subject": "Says of every event that it is visible.",
    ExportsForTheChanger => "a-file-is-made-with-its-owners-rights": "Makes the file with the rights of who changed the schedule last.",
    RemembersRights => "a-file-is-made-with-the-rights-of-that-moment": "Makes the file with the rights of when the run was leased.",
    LeasesEarly => "a-schedule-is-leased-at-its-time-and-not-one-second-before": "Leases a second before the time.",
    LeasesTheStopped => "only-what-is-active-is-leased": "Leases a schedule that is stopped.",
    LeasesTwice => "a-run-is-leased-to-one-worker-at-a-time": "Looks what is due, and marks it as leased without looking again.",
    KeepsDeadLeases => "a-lease-is-taken-over-at-its-end-and-not-before": "Never takes a lease back.",
    ForgetsTheNextRun => "start-pins-the-due-time-and-stores-the-next": "Leaves the next run as it was when a run starts.",
    StartsAgain => "a-due-time-that-has-ended-does-not-start-again": "Opens a due time that has ended.",
    ForgetsWhatWasMissed => "due-times-that-nobody-ran-are-one-entry": "Records nothing of missed due times.",
    RetriesAtOnce => "a-retry-comes-at-its-time-with-the-same-due-time": "Takes a postponed run again at once.",
    ForgetsTheCounter => "a-finish-writes-counter-and-active": "Leaves the counter as it was when a run ends.",
    StartsUnfenced => "start-is-fenced": "Forgets the fence in `start`.",
    FinishesUnfenced => "finish-is-fenced": "Forgets the fence in `finish`.",
    SubmitsUnfenced => "submitting-is-fenced": "Forgets the fence where a run submits.",
    ProducesUnfenced => "a-file-is-fenced": "Forgets the fence in `produce`.",
    LeavesTheRunAfterAChange => "a-change-takes-the-run-away-and-keeps-its-due-time": "Leaves a run to its worker when its schedule is changed.",
    RunsTheDeleted => "a-deleted-schedule-takes-its-run-with-it": "Lets a run end whose schedule is deleted.",
    ForgetsWhatWasGivenUp => "due-times-given-up-by-a-change-are-recorded": "Records nothing of due times that a change gives up.",
    SendsWhenStaged => "a-mail-leaves-with-the-finish-that-submits-it": "Puts a mail into the outbox when it is staged.",
    SendsAKindTwice => "a-due-time-has-one-mail-of-a-kind": "Sends the same mail of a due time with each attempt.",
    WritesToTheInactive => "without-an-active-owner-others-are-responsible": "Writes to an owner who is switched off.",
    TakesLargeMail => "mail-keeps-to-the-organizers-rules": "Takes a mail of any size.",
    SendsAgain => "each-address-gets-one-message": "Hands a mail over each time it looks into the outbox.",
    SettlesEarly => "a-run-is-settled-when-its-recipients-are-final": "Settles a run with recipients that are not final.",
    SettlesUnfenced => "settling-is-fenced": "Forgets the fence of settling.",
    CountsAgainstAPerson => "a-counter-yields-to-a-person": "Counts a failure that a person's change has reset.",
    SharesTheKey => "a-requested-run-has-a-key-and-mails-of-its-own": "Makes the Message-ID of a requested run from its schedule alone.",
    ForgetsWhoAsked => "a-requested-run-says-what-it-is": "Does not say who asked for a run.",
    MovesThePlan => "a-requested-run-moves-neither-plan-nor-counter": "Takes a requested run for the schedule's next one.",
    CountsWhatWasAskedFor => "a-requested-run-moves-neither-plan-nor-counter": "Counts the failure of a requested run.",
    KeepsRequests => "a-request-is-dropped-with-its-call": "Keeps a requested run though its call answered an error.",
    MailsTestsToOthers => "a-test-goes-to-who-asked-for-it-alone": "Gives a test the recipients of its schedule.",
    ListsWhatIsTested => "a-content-is-tested-without-a-schedule": "Keeps what is tested as a schedule.",
    LeavesRequests => "a-change-ends-a-requested-run": "Leaves a requested run as it is when its schedule is changed.",
    RunsForeignIds => "who-may-not-write-requests-nothing": "Looks the schedule of a request up by its id alone.",
    KeepsHandles => "handles-are-closed-when-the-call-is-over": "Keeps the handles of calls that are over.",
}
