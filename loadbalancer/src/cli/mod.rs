//! The command line: one file a noun; talks only to the API.
