//! Text to tokens and words to hidden states of every layer, and the files that hold them.
