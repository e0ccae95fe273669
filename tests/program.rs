//! The program under test. It is the code of `stratoscope`.

use std::process::ExitCode;

fn main() -> ExitCode {
    stratoscope_cli::main()
}
