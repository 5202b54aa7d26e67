//! What a browser shows.
