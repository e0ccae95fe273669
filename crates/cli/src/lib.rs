//! The `stratoscope` program: it reads the arguments, runs the command, prints the result and ends
//! with an exit code.
//!
//! A library, so that tests run the program that users run, and the Python package brings it too.

mod args;
mod compare;
mod doctor;
mod engine;
mod exit;
mod explore;
mod extract;
mod geometry;
mod input;
mod lens;
mod model;
mod models;
mod probe;
mod profile;
mod progress;
mod run;
mod serve;
mod states;
mod verify;

pub use exit::message;

use args::{Args, Command};
use clap::{CommandFactory, Parser};
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the program with the arguments of the process; returns its exit code.
pub fn main() -> ExitCode {
    run(std::env::args_os().collect()).into()
}

/// Runs the program with arguments, of which the first is the name of the program; returns its exit
/// code. It is for a process that does nothing else: signals end it from then on.
pub fn run(arguments: Vec<OsString>) -> u8 {
    let args = match Args::try_parse_from(&arguments) {
        Ok(args) => args,
        Err(error) => return exit::command_line(&error, &arguments),
    };
    exit::set_arguments(arguments);
    exit::end_on_signals();
    let verbose = args.common().verbose;
    let result = threads(args.common().threads).and_then(|()| match args.command {
        Command::Explore(args) => explore::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Extract(args) => extract::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Geometry(args) => geometry::run(&args),
        Command::Lens(args) => lens::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Info(args) => models::info(&args),
        Command::Models(args) => models::list(&args),
        Command::Fetch(args) => models::fetch(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions(args) => {
            let mut script = Vec::new();
            let mut command = Args::command();
            clap_complete::generate(args.shell, &mut command, "stratoscope", &mut script);
            exit::print(&String::from_utf8_lossy(&script))
        }
    });
    exit::exit_code(result, verbose)
}

/// Limits the number of threads of all computations.
fn threads(threads: Option<u16>) -> exit::Result<()> {
    let Some(threads) = threads else { return Ok(()) };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into());
    pool.build_global().map_err(|error| exit::Failure::internal(&error))
}
