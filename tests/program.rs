//! The program under test: the very code of `stratoscope`.

use std::process::ExitCode;

fn main() -> ExitCode {
    stratoscope_cli::main()
}
