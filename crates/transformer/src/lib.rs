//! One configurable transformer: an Architecture in, hidden states of every layer out.
