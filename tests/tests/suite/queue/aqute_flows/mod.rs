//! The flows that Aqute's README documents, each with the outcome that it states there.

mod adding;
mod batches;
mod ends;
mod foreman;
mod manual;
mod rates;
mod retries;
