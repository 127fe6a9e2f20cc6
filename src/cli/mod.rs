//! The command line: arguments → plan → commands → printed events.

/// Prints a line on standard output; fails when that cannot be written, or nobody reads it any more.
macro_rules! say {
    () => { $crate::cli::said(format_args!("")) };
    ($($line:tt)*) => { $crate::cli::said(format_args!($($line)*)) };
}

/// Prints a line on standard error; when nobody reads it, that is no reason to stop.
macro_rules! tell {
    ($($line:tt)*) => { { let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", format_args!($($line)*))); } };
}

mod args;
mod devices;
mod endpoint;
mod models;
mod printer;
mod run;
mod serve;
mod study;
mod view;

use std::fmt;
use std::io::{self, Write as _};
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use clap::Parser;
use gistmap::protocol::Cancel;

use args::{Action, Arguments};

/// Exit code of a run that failed.
const FAILED: u8 = 1;

/// Runs the command line; clap itself ends with 2 on wrong usage.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A decoder or driver that panics is caught where it is called; the trace would only frighten.
    std::panic::set_hook(Box::new(|_| {}));
    let act = || match &arguments.action {
        Action::Run(run) => run::run(run),
        Action::Study(arguments) => study::study(arguments),
        Action::View(arguments) => view::view(arguments),
        Action::Models(models) => models::models(&models.action),
        Action::Devices(devices) => devices::devices(devices),
    };
    let result = std::panic::catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(Failed::Run(anyhow::anyhow!(
            "an internal error in gistmap: {}; what was computed is kept, --resume goes on, and a report of this helps",
            said.unwrap_or("it left no message")
        )))
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed::Usage(message)) => {
            tell!("error: {message}\n\nFor more information, try 'gistmap --help'.");
            ExitCode::from(2)
        }
        Err(Failed::Unheard) => ExitCode::SUCCESS,
        Err(Failed::Run(error)) => {
            tell!("error: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

/// The first Ctrl-C stops at the next batch, step or piece; the second ends at once, which what has been kept survives as
/// well.
fn stopped_by_ctrl_c() -> Cancel {
    let cancel = Cancel::default();
    let wish = cancel.clone();
    // Where no handler can be set, the first one ends at once.
    let _ = ctrlc::set_handler(move || {
        if wish.is_cancelled() {
            std::process::exit(130);
        }
        wish.cancel();
    });
    cancel
}

/// How a command can fail.
pub(crate) enum Failed {
    /// The arguments make no sense: exit code 2.
    Usage(String),
    /// The work failed: exit code 1.
    Run(anyhow::Error),
    /// Nobody reads the output any more, as behind `| head`: a quiet end.
    Unheard,
}

/// What `say!` does.
fn said(line: fmt::Arguments<'_>) -> Result<(), Failed> {
    writeln!(io::stdout(), "{line}").map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failed::Unheard,
        _ => Failed::Run(anyhow::Error::new(error).context("standard output")),
    })
}

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Run(error.into())
    }
}
