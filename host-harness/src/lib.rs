//! The reference host of the scheduled-exports component: engine, ports, storage, platform, scheduler and HTTP API.

pub mod api;
pub mod clock;
pub mod contract;
pub mod delivery;
pub mod download;
pub mod engine;
pub mod imports;
pub mod platform;
pub mod ports;
pub mod scheduler;
pub mod service;
pub mod storage;
pub mod testing;
