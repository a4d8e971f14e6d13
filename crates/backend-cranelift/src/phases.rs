//! Times of Cranelift's passes, as phases of the contract.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use bakeoff_backend::{Phase, PhaseSink};
use cranelift_codegen::timing::{self, Pass, Profiler};

/// Collects times of passes while it lives, or sees to it that nobody does.
pub(crate) struct PassTimes {
    times: Rc<RefCell<[u64; 6]>>,
    outer: Option<Box<dyn Profiler>>,
}

impl PassTimes {
    /// Takes over this thread's profiler. Cranelift's own is not free, so that it is replaced even if
    /// no times are wanted.
    pub(crate) fn start(wanted: bool) -> PassTimes {
        let times = Rc::new(RefCell::new([0; 6]));
        let profiler: Box<dyn Profiler> = match wanted {
            true => Box::new(Collecting(Rc::clone(&times))),
            false => Box::new(Silent),
        };
        PassTimes {
            times,
            outer: Some(timing::set_thread_profiler(profiler)),
        }
    }

    /// Passes the times on.
    pub(crate) fn report(&self, phases: &mut dyn PhaseSink) {
        for phase in Phase::ALL {
            let duration_ns = self.times.borrow()[phase as usize];
            if duration_ns > 0 {
                phases.record(phase, duration_ns);
            }
        }
    }
}

impl Drop for PassTimes {
    fn drop(&mut self) {
        if let Some(outer) = self.outer.take() {
            timing::set_thread_profiler(outer);
        }
    }
}

struct Silent;

impl Profiler for Silent {
    fn start_pass(&self, _pass: Pass) -> Box<dyn Any> {
        Box::new(())
    }
}

struct Collecting(Rc<RefCell<[u64; 6]>>);

impl Profiler for Collecting {
    fn start_pass(&self, pass: Pass) -> Box<dyn Any> {
        match phase_of(pass) {
            Some(phase) => Box::new(Running {
                phase,
                start: Instant::now(),
                times: Rc::clone(&self.0),
            }),
            None => Box::new(()),
        }
    }
}

struct Running {
    phase: Phase,
    start: Instant,
    times: Rc<RefCell<[u64; 6]>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.times.borrow_mut()[self.phase as usize] += self.start.elapsed().as_nanos() as u64;
    }
}

/// The phase that a pass belongs to. `Pass::compile` encloses the others and has none.
fn phase_of(pass: Pass) -> Option<Phase> {
    match pass {
        Pass::flowgraph | Pass::domtree | Pass::loop_analysis => Some(Phase::Analyse),
        Pass::egraph
        | Pass::preopt
        | Pass::gvn
        | Pass::licm
        | Pass::unreachable_code
        | Pass::remove_constant_phis
        | Pass::vcode_lower => Some(Phase::Lower),
        Pass::regalloc => Some(Phase::Allocate),
        Pass::vcode_emit | Pass::vcode_emit_finish => Some(Phase::Emit),
        _ => None,
    }
}
