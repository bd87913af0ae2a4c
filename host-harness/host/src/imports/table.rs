//! An import of the contract is written down once: as a function of its interface, in the interface's file here.
//!
//! [`interface!`] reads an interface in the form of a trait, and makes of it
//!
//! - the trait, which a host implements;
//! - what the linker calls, which checks what holds for every host and then calls that trait;
//! - `OFFERED`, the names that a component can import;
//! - the recorder and the replayer of [`tape`](crate::tape).
//!
//! To add an import, write it into `wit/` and, here, into the interface's file. `holidays` of `exporters`, for example:
//!
//! ```text
//! /// Days of this year on which the organizer does not work.
//! ///
//! /// # Errors
//! /// `unavailable`.
//! fn holidays(&self, by: &Access, region: String) -> Answer<Vec<Instant>, LookupError> {
//!     check |_, _| { bounds::identifier(&region)?; }
//!     default { Ok(Vec::new()) }
//! }
//! ```
//!
//! `&Access`, `&mut Access` or `&mut Run` is the handle that it takes: `mut` if the host changes what is behind it. The names of the
//! other arguments are their keys in a recording, so they stay. The three clauses can be left out:
//!
//! - `check |facts, handle| { … }` runs before the host is called: `facts` are those of the handle, `handle` is what this call has done
//!   through it so far ([`LentAccess`](super::call::LentAccess) or [`LentRun`](super::call::LentRun)). It can replace the arguments.
//!   `?` on an error of the contract returns it to the guest, and on a [`GuestMistake`](super::GuestMistake) traps.
//! - `done |handle, checked| { … }` runs when the host has answered without an error; `checked` is the value of `check`.
//! - `default { … }` is the answer of a host that does not implement the function. Without it, every host must.
//!
//! `auth-context` and `log` have functions of other shapes, and are written out.

/// Reads an interface; see the module.
macro_rules! interface {
    (
        $(#[$about:meta])*
        pub trait $trait:ident in $interface:ident {
            $(
                $(#[$doc:meta])*
                fn $function:ident(
                    &$self:ident, $handle:ident: &$($lent:ident)+ $(, $name:ident: $of:ty)* $(,)?
                ) -> Answer<$answer:ty, $refusal:ty> {
                    $(check |$facts:pat_param, $held:pat_param| $check:block)?
                    $(done |$noting:pat_param, $checked:pat_param| $done:block)?
                    $(default $default:block)?
                }
            )*
        }
    ) => {
        $(#[$about])*
        #[allow(unused_variables, reason = "in the answers of functions that a host leaves out")]
        pub trait $trait: crate::imports::AuthContext {
            $(
                crate::imports::declared! {
                    {
                        $(#[$doc])*
                        fn $function(&$self, $handle: crate::imports::lent!(type $($lent)+), $($name: $of),*)
                            -> impl Future<Output = crate::imports::Answer<$answer, $refusal>> + Send
                    }
                    $($default)?
                }
            )*
        }

        impl<H: crate::imports::Imports> crate::contract::$interface::Host for crate::imports::Call<H> {
            $(
                #[allow(unused_mut, unused_variables, clippy::let_unit_value, reason = "not every function has all clauses")]
                async fn $function(
                    &mut self,
                    _: wasmtime::component::Resource<crate::imports::lent!(name $($lent)+)>,
                    $(mut $name: $of),*
                ) -> wasmtime::Result<Result<$answer, $refusal>> {
                    let (host, lent) = crate::imports::lent!(take self, $($lent)+)?;
                    let answer = async move {
                        let checked = {
                            $(
                                let ($facts, $held) = (lent.facts(host), &*lent);
                                $check
                            )?
                        };
                        let handle = crate::imports::lent!(pass lent.handle, $($lent)+);
                        let answer: crate::imports::Answer<$answer, $refusal> = host.$function(handle, $($name),*).await;
                        lent.heard(&answer);
                        $(
                            if answer.is_ok() {
                                let ($noting, $checked) = (lent, checked);
                                $done
                            }
                        )?
                        answer
                    };
                    crate::imports::answered(answer.await)
                }
            )*
        }

        /// The interface and its functions, as the contract names them.
        pub(crate) const OFFERED: (&str, &[&str]) = (
            crate::imports::wit_name!($interface),
            &[$(crate::imports::wit_name!($function)),*],
        );

        crate::tape::recorded! {
            $trait in $interface: $($function(&$($lent)+ $(, $name: $of)*) -> $answer, $refusal;)*
        }
        crate::tape::replayed! {
            $trait in $interface: $($function(&$($lent)+ $(, $name: $of)*) -> $answer, $refusal;)*
        }
    };
}

/// A function of a trait, with its body if it has one.
macro_rules! declared {
    ({ $($signature:tt)+ }) => { $($signature)+; };
    ({ $($signature:tt)+ } $default:block) => { $($signature)+ { async move { $default } } };
}

/// A handle as a table names it, `Access`, `mut Access` or `mut Run`, in the places where it is used.
macro_rules! lent {
    // What a host's function takes.
    (type mut $kind:ident) => { &mut Self::$kind };
    (type $kind:ident) => { &Self::$kind };
    (pass $place:expr, mut $kind:ident) => { &mut $place };
    (pass $place:expr, $kind:ident) => { &$place };
    // What the linker knows it by.
    (name mut $kind:ident) => { crate::contract::$kind };
    (name $kind:ident) => { crate::contract::$kind };
    // The host, and what the call has lent.
    (take $call:expr, mut $kind:ident) => { crate::imports::lent!(take $call, $kind) };
    (take $call:expr, Access) => { $call.access() };
    (take $call:expr, Run) => { $call.run() };
}

/// The name of an interface or of a function in the contract, `schedule-store` or `schedule-store.take-over`, from its Rust name.
macro_rules! wit_name {
    ($first:ident $(. $second:ident)?) => {{
        const RUST: &str = concat!(stringify!($first) $(, ".", stringify!($second))?);
        const WIT: [u8; RUST.len()] = crate::imports::dashed(RUST);
        const NAME: &str = match std::str::from_utf8(&WIT) {
            Ok(name) => name,
            Err(_) => panic!("identifiers are ASCII"),
        };
        NAME
    }};
}

/// With `-` for `_`.
pub(crate) const fn dashed<const N: usize>(name: &str) -> [u8; N] {
    let mut dashed = [0; N];
    let mut at = 0;
    while at < N {
        let byte = name.as_bytes()[at];
        dashed[at] = if byte == b'_' { b'-' } else { byte };
        at += 1;
    }
    dashed
}

pub(crate) use {declared, interface, lent, wit_name};
