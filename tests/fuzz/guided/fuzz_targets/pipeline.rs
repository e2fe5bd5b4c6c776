#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (trifactor_fuzz::target("pipeline").run)(bytes);
});
