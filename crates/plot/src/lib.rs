//! Plain data to SVG and PNG figures.
