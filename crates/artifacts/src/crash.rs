//! Named places where a test kills the process; nothing at all in a release.

/// Kills the process here if a test asked for it by name (`FAILPOINTS="name=return"`, crate `fail`).
///
/// Does nothing unless feature `failpoints` is compiled in.
pub fn crash_point(name: &str) {
    #[cfg(feature = "failpoints")]
    fail::fail_point!(name, |_| {
        // As a power cut would: no destructor, no flush, no second chance.
        let _unkillable =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    });
    #[cfg(not(feature = "failpoints"))]
    let _ = name;
}

/// Reads `FAILPOINTS` once at the start of a program; does nothing unless feature `failpoints` is compiled in.
pub fn arm_crash_points() {
    #[cfg(feature = "failpoints")]
    std::mem::forget(fail::FailScenario::setup());
}
