//! Operators that take one sample at a time in fixed memory.
