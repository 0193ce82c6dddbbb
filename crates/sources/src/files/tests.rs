//! What a user sends and what is read of it.
