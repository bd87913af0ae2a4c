//! The `harness` command as people and scripts call it: the real binary, in folders of its own.
//!
//! Nothing here sleeps: a test waits for a line of output or log, for a mail, or for a process to end.

mod commands {
    mod database;
    mod demo;
    mod documents;
    mod events;
    mod failures;
    mod help;
    mod mail;
    mod metrics;
    mod next_run;
    mod operating;
    mod operator;
    mod plugin;
    mod private;
    mod process;
    mod replay;
    mod schedules;
    mod serve;
    mod trouble;
}
