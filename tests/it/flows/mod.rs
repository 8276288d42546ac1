//! Whole lives of people, from the identity provider's request to the app's journal, through real sockets.

mod honeycomb;
mod people;
mod stage;
