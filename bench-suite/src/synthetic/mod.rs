//! Modules of any size, for questions about growth: how compile time, code and memory depend on one quantity alone.
//!
//! | module | what grows |
//! |---|---|
//! | `turns` | functions, and instructions in them, with the mix of programs: [`module`] |
//! | `families` | one dimension at a time, everything else constant or in proportion: [`FAMILIES`] |

mod families;
mod turns;

pub use families::{ARGUMENT, ENTRY, FAMILIES, Family};
pub use turns::module;
