//! The integration tests, a module an area.
