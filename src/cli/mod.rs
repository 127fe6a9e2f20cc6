//! The command line: arguments → plan → commands → printed events.

mod args;
mod devices;
mod models;
mod printer;
mod run;

use std::process::ExitCode;

use clap::Parser;

use args::{Action, Arguments};

/// Exit code of a run that failed.
const FAILED: u8 = 1;

/// Runs the command line; clap itself ends with 2 on wrong usage.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.action {
        Action::Run(run) => run::run(&run),
        Action::Models(models) => models::models(&models.action),
        Action::Devices(devices) => devices::devices(&devices),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed::Usage(message)) => {
            eprintln!("error: {message}\n\nFor more information, try 'gistmap --help'.");
            ExitCode::from(2)
        }
        Err(Failed::Run(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

/// How a command can fail.
pub(crate) enum Failed {
    /// The arguments make no sense: exit code 2.
    Usage(String),
    /// The work failed: exit code 1.
    Run(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Run(error.into())
    }
}
