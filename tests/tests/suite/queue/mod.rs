//! `Queue`, seen through the facade.

mod oracle;
