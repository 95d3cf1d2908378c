//! The tables: one entry for each activation, cost, embedding, initializer, optimizer and schedule.

pub mod activation;
pub mod cost;
pub mod embedding;
pub mod init;
pub mod optimizer;
pub mod registry;
pub mod schedule;
