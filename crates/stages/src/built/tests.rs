//! Every stage that can be run has the name of its steps.

use super::*;

#[test]
fn a_built_stage_is_that_of_its_name() {
    let built: Vec<BuiltStage> = Stage::ALL.iter().filter_map(|stage| BuiltStage::of(*stage)).collect();
    assert_eq!(built.len(), 5);
    for stage in built {
        assert_eq!(BuiltStage::of(stage.stage()), Some(stage));
        assert_eq!(stage.steps().name(), stage.stage());
    }
}
