//! The `stratoscope` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    stratoscope_cli::main()
}
