//! Asks the linker of macOS to leave the symbols of Python open, which Python resolves when it loads
//! the extension; elsewhere nothing is needed.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
