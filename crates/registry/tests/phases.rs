//! Every configuration reports the phases that it says it reports, and no others.

mod common;

use std::sync::Arc;

use bakeoff_backend::{CompileError, Options, Phase, PhaseTimes, Target};
use bakeoff_ir::text::parse_module;
use bakeoff_registry::CONFIGURATIONS;

#[test]
fn phases_that_are_listed_are_those_that_take_time() {
    let path = common::ir_dir().join("br_table.ir");
    let source = std::fs::read_to_string(path).unwrap();
    let module = Arc::new(parse_module(&source).unwrap().module);
    let target = Target::host().expect("a machine that code is generated for");
    for configuration in CONFIGURATIONS {
        let mut times = PhaseTimes::default();
        let compiled =
            configuration
                .backend
                .compile(&module, target, &Options::default(), &mut times);
        match compiled {
            Ok(_) => {}
            Err(CompileError::Unsupported { .. }) => continue,
            Err(error) => panic!("{}: {error}", configuration.name),
        }
        for phase in Phase::ALL {
            let listed = configuration.backend.phases().contains(&phase);
            let spent = times.0[phase as usize] > 0;
            assert_eq!(
                spent,
                listed,
                "{} of {}: {times:?}",
                phase.name(),
                configuration.name
            );
        }
    }
}
