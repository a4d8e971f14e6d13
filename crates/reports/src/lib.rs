//! Figures, tables and pages of measurements: samples in; HTML, SVG, PDF, LaTeX, CSV and JSON out. No backend is linked.
//!
//! ```text
//! sessions ──analysis──► Analysis ──figures──► Figure ──plotters──► Scene ──┬─► SVG (for a page, for print)
//!                            │                                              ├─► PDF
//!                            │                                              └─► PGF
//!                            └─────tables────► Table ─────────────────────────► HTML, booktabs, CSV, Markdown
//! ```
//!
//! An [`analysis::Analysis`] has every number that is shown; figures and tables choose among them and never compute.
#![forbid(unsafe_code)]

pub mod analysis;
pub mod axis;
pub mod figures;
pub mod font;
pub mod ink;
pub mod latex;
pub mod number;
pub mod page;
pub mod pdf;
pub mod pgf;
pub mod scene;
pub mod sheet;
pub mod svg;
pub mod tables;
pub mod text;
pub mod write;

pub use write::{ReportError, Written, write_comparison, write_report};
