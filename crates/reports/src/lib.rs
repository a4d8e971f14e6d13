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
mod axis;
pub mod ink;
mod latex;
mod number;
pub mod pdf;
pub mod pgf;
pub mod scene;
mod sheet;
pub mod svg;
mod text;
