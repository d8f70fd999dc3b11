//! What once went wrong with queues, each as the story of what a user saw.

mod admission;
mod ends;
mod rules;
mod whole;
