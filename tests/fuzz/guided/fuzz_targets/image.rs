#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (trifactor_fuzz::target("image").run)(bytes);
});
