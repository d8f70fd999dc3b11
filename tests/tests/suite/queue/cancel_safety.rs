//! Cancel safety: each future polled n times and dropped, for every n until it is ready, and then at every later moment
//! of a queue that is full, has others before and behind it, and has retries and delays under way. After that the count
//! is right, nobody has lost his turn or his place, all that is left runs to its end, and nothing leaked.

mod engines;
mod guests;
mod spawned;
mod stage;
