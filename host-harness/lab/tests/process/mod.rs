//! The program, run to its end.

use std::process::Command;

/// What a command left when it ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

#[allow(dead_code, reason = "each test program uses its part")]
impl Ended {
    /// Standard output of a command that went well and said nothing on standard error.
    #[track_caller]
    pub fn well(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    /// The one sentence of a command that failed.
    #[track_caller]
    pub fn sentence(&self) -> &str {
        assert_eq!(self.code, Some(1), "{self:?}");
        let sentence = self
            .err
            .strip_prefix("harness-lab: ")
            .expect("the prefix of a sentence");
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
        sentence.trim_end()
    }
}

/// Runs a command to its end, with a log that no variable of the caller changes.
pub fn lab<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness-lab"));
    let ended = command
        .env_remove("RUST_LOG")
        .env_remove("RUST_BACKTRACE")
        .args(arguments)
        .output();
    let ended = ended.expect("the program starts");
    Ended {
        code: ended.status.code(),
        out: String::from_utf8(ended.stdout).expect("text"),
        err: String::from_utf8(ended.stderr).expect("text"),
    }
}
